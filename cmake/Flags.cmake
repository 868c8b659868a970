# Two interface targets: what all code of this project is compiled with, and what the allocator itself adds to it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
find_package(Threads REQUIRED)

add_library(ashlar_warnings INTERFACE)
target_compile_options(ashlar_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror)
if(ASHLAR_SANITIZE)
  target_compile_options(ashlar_warnings INTERFACE -fsanitize=${ASHLAR_SANITIZE} -fno-omit-frame-pointer
                                                  -fno-sanitize-recover=all)
  target_link_options(ashlar_warnings INTERFACE -fsanitize=${ASHLAR_SANITIZE})
endif()
if(ASHLAR_COVERAGE)
  target_compile_options(ashlar_warnings INTERFACE --coverage -fprofile-update=atomic -O0)
  target_link_options(ashlar_warnings INTERFACE --coverage)
endif()
target_link_libraries(ashlar_warnings INTERFACE Threads::Threads)

# The allocator: no exceptions, no RTTI, no symbol that is not asked for; one TLS word at a fixed offset, so that dlopen works.
add_library(ashlar_internal INTERFACE)
target_compile_options(ashlar_internal INTERFACE
  -fno-exceptions -fno-rtti -fvisibility=hidden -fvisibility-inlines-hidden -ftls-model=initial-exec
  -fno-threadsafe-statics -fno-stack-protector)
target_include_directories(ashlar_internal INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(ashlar_internal INTERFACE ashlar_warnings)

# For code of this project that uses the layers' headers without being one of them.
add_library(ashlar_internal_headers INTERFACE)
target_include_directories(ashlar_internal_headers INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
