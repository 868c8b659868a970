# Installs the libraries, the headers and what other builds need to find them:
# - find_package(ashlar) has ashlar::ashlar (the drop-in), ashlar::static and
#   ashlar::object (for programs linked with -static), and ashlar::manager and
#   ashlar::shared, which replace no malloc;
# - pkg-config has ashlar.pc, ashlar-manager.pc and ashlar-shared.pc.
# The prefix may be moved afterwards.
include(CMakePackageConfigHelpers)

set(ashlar_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ashlar)

install(TARGETS ashlar ashlar_static ashlar_object ashlar_manager ashlar_shared EXPORT ashlar
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${ASHLAR_OBJECT_FILE} DESTINATION ${CMAKE_INSTALL_LIBDIR}/ashlar)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ashlar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT ashlar NAMESPACE ashlar:: FILE ashlar-targets.cmake DESTINATION ${ashlar_package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ashlar-config.cmake.in ${PROJECT_BINARY_DIR}/ashlar-config.cmake
  INSTALL_DESTINATION ${ashlar_package_dir})
# Before 1.0 a minor version may change what a program relies on.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ashlar-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ashlar-config.cmake ${PROJECT_BINARY_DIR}/ashlar-config-version.cmake
  DESTINATION ${ashlar_package_dir})

# Relative to where ashlar.pc lies, unless the libraries go to a directory of their own outside the prefix.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(ashlar_pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(ashlar_pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH ashlar_up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" ashlar_up ${ashlar_up})
  set(ashlar_pc_prefix "\${pcfiledir}/${ashlar_up}")
  set(ashlar_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(ashlar_pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(ashlar_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
foreach(name ashlar ashlar-manager ashlar-shared)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/ashlar.pc ${PROJECT_BINARY_DIR}/ashlar-manager.pc
  ${PROJECT_BINARY_DIR}/ashlar-shared.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
