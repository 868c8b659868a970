# The parts besides the libraries, and their packages. AUTO builds a part if its
# packages are found; ON fails without them.

# Defines ASHLAR_<part>. A project that adds Ashlar gets the libraries alone unless it asks for more.
function(ashlar_part_option part title)
  set(default OFF)
  if(PROJECT_IS_TOP_LEVEL)
    set(default AUTO)
  endif()
  set(ASHLAR_${part} ${default} CACHE STRING "Build ${title}: ON, OFF, or AUTO, which leaves it out where packages are missing")
  set_property(CACHE ASHLAR_${part} PROPERTY STRINGS AUTO ON OFF)
endfunction()

# Turns a part off if a package is missing, or fails. ARGN: pairs of a condition
# and the package that it needs.
function(ashlar_require part title)
  set(missing)
  while(ARGN)
    list(POP_FRONT ARGN condition package)
    if(NOT ${condition})
      list(APPEND missing ${package})
    endif()
  endwhile()
  if(NOT missing)
    return()
  endif()
  list(JOIN missing ", " missing)
  if(ASHLAR_${part} STREQUAL "AUTO")
    message(STATUS "Ashlar: ${title}: left out, not found: ${missing}")
    set(ASHLAR_${part} OFF PARENT_SCOPE)
  else()
    message(FATAL_ERROR "ASHLAR_${part}=${ASHLAR_${part}}: ${title} can't be built, not found: ${missing}")
  endif()
endfunction()

ashlar_part_option(TESTS "the tests and the stress runs")
ashlar_part_option(BENCH "the benchmarks")
ashlar_part_option(COMMAND "the ashlar command")

if(ASHLAR_TESTS OR ASHLAR_BENCH)
  find_package(Python3 QUIET COMPONENTS Interpreter)
  find_path(ASHLAR_BOOST_INCLUDE boost/lockfree/queue.hpp)
  mark_as_advanced(ASHLAR_BOOST_INCLUDE)
endif()
if(ASHLAR_TESTS)
  find_package(GTest QUIET)
  # Debian has its sources beside the library, which serve where the library is for another processor.
  set(ASHLAR_GTEST_SOURCES /usr/src/googletest)
  if(GTest_FOUND OR EXISTS ${ASHLAR_GTEST_SOURCES}/CMakeLists.txt)
    set(ASHLAR_GTEST_FOUND TRUE)
  endif()
  ashlar_require(TESTS "the tests and the stress runs"
    ASHLAR_GTEST_FOUND "GoogleTest (Debian: libgtest-dev)"
    ASHLAR_BOOST_INCLUDE "the Boost headers (Debian: libboost-dev)"
    Python3_FOUND "Python 3 (Debian: python3)")
endif()
if(ASHLAR_BENCH)
  find_package(benchmark QUIET)
  ashlar_require(BENCH "the benchmarks"
    benchmark_FOUND "Google Benchmark (Debian: libbenchmark-dev)"
    ASHLAR_BOOST_INCLUDE "the Boost headers (Debian: libboost-dev)"
    Python3_FOUND "Python 3 (Debian: python3)")
endif()
if(ASHLAR_COMMAND)
  find_package(CLI11 QUIET)
  find_package(nlohmann_json QUIET)
  ashlar_require(COMMAND "the ashlar command"
    CLI11_FOUND "CLI11 (Debian: libcli11-dev)"
    nlohmann_json_FOUND "nlohmann_json (Debian: nlohmann-json3-dev)")
endif()
