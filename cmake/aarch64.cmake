# Debian's cross compiler for arm64; programs run under qemu-user. Packages: g++-aarch64-linux-gnu qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;/usr/aarch64-linux-gnu" CACHE STRING "Runs a program of the target")

# Boost is headers only, the same for all processors; the directory that Debian has them in holds this machine's libc as well.
set(headers ${CMAKE_BINARY_DIR}/host)
get_property(trying GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT trying AND EXISTS /usr/include/boost)
  file(MAKE_DIRECTORY ${headers}/usr/include)
  file(CREATE_LINK /usr/include/boost ${headers}/usr/include/boost SYMBOLIC)
endif()
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu ${headers})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
