# Compile and link flags of this project's code. They belong to targets or to this directory alone.
# So a project that adds Ashlar keeps its own settings; its flags for build types hold for Ashlar as well.
find_package(Threads REQUIRED)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)  # ashlar.o is joined by the linker, which needs machine code
set(CMAKE_UNITY_BUILD OFF)                   # the layers' sources name their local functions alike
if(NOT DEFINED CMAKE_CXX_EXTENSIONS)
  set(CMAKE_CXX_EXTENSIONS OFF)
endif()

# Replaces CMake's own flags for a build type, unless the caller has set them.
function(ashlar_default_flags variable flags)
  string(STRIP "${${variable}_INIT}" cmakes_own)
  if("${${variable}}" STREQUAL cmakes_own)
    set(${variable} "${flags}" PARENT_SCOPE)
  endif()
endfunction()
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  ashlar_default_flags(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
  ashlar_default_flags(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
  ashlar_default_flags(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
endif()

# For all code of this project, its tests included.
add_library(ashlar_warnings INTERFACE)
target_compile_features(ashlar_warnings INTERFACE cxx_std_20)
if(PROJECT_IS_TOP_LEVEL OR ASHLAR_WERROR)
  target_compile_options(ashlar_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef)
endif()
if(ASHLAR_WERROR)
  target_compile_options(ashlar_warnings INTERFACE -Werror)
endif()
if(ASHLAR_SANITIZE)
  target_compile_options(ashlar_warnings INTERFACE -fsanitize=${ASHLAR_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=all)
  target_link_options(ashlar_warnings INTERFACE -fsanitize=${ASHLAR_SANITIZE})
endif()
if(ASHLAR_COVERAGE)
  target_compile_options(ashlar_warnings INTERFACE --coverage -fprofile-update=atomic -O0)
  target_link_options(ashlar_warnings INTERFACE --coverage)
endif()
# clang describes a class only where a constructor of it is called.
# Most of ours lie in zero pages without one, and gdb's printers need them all (tools/gdb).
target_compile_options(ashlar_warnings INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fstandalone-debug>)
target_link_libraries(ashlar_warnings INTERFACE Threads::Threads)

# The layers' headers, for code of this project that uses them without being a layer. No public target links this.
add_library(ashlar_internal_headers INTERFACE)
target_compile_features(ashlar_internal_headers INTERFACE cxx_std_20)
target_include_directories(ashlar_internal_headers INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)

# The allocator: no exceptions, no RTTI, no symbol that is not asked for; one TLS word at a fixed offset, so that dlopen works.
add_library(ashlar_internal INTERFACE)
target_compile_options(ashlar_internal INTERFACE
  -fno-exceptions -fno-rtti -fvisibility=hidden -fvisibility-inlines-hidden -ftls-model=initial-exec
  -fno-threadsafe-statics -fno-stack-protector -fno-lto -ffunction-sections -fdata-sections)
target_link_libraries(ashlar_internal INTERFACE ashlar_warnings ashlar_internal_headers)
