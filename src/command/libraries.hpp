// Which allocators there are on this machine, as shared libraries for
// LD_PRELOAD.
#ifndef ASHLAR_COMMAND_LIBRARIES_HPP
#define ASHLAR_COMMAND_LIBRARIES_HPP

#include <string>
#include <vector>

namespace ashlar::command {

struct Allocator {
    std::string name;
    std::string library;
};

/// libashlar.so: $ASHLAR_LIBRARY, else beside this command in the build tree,
/// else in the install prefix. Throws Failure.
std::string find_ashlar();

/// glibc, to preload it as "the system malloc": by its bare name, so that each
/// program gets the one that it loads anyway.
constexpr const char* kLibc = "libc.so.6";

/// The well-known allocators that are installed, in a fixed order.
std::vector<Allocator> find_installed();

/// The allocator of a -a NAME=LIB: LIB is a file, or a name in the linker's
/// directories. Throws Failure.
Allocator named_allocator(const std::string& name_and_library);

}  // namespace ashlar::command

#endif
