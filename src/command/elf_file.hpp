// Reads the headers of an ELF file: how LD_PRELOAD works on it. Reads the file,
// and never loads it.
#ifndef ASHLAR_COMMAND_ELF_FILE_HPP
#define ASHLAR_COMMAND_ELF_FILE_HPP

#include <optional>
#include <string>
#include <vector>

namespace ashlar::command {

struct ElfFile {
    // Of this command's own architecture; the other members are filled in only
    // then.
    bool native = false;
    bool shared_object = false;    // ET_DYN: a library, or a position-independent program
    bool has_interpreter = false;  // the dynamic linker starts it, so LD_PRELOAD works
    bool defines_malloc = false;   // has a malloc of its own, which comes before any preloaded one
    std::vector<std::string> needed;
};

/// Nothing where the file can't be read or is not an ELF file. A damaged file
/// gives the part that could be read.
std::optional<ElfFile> read_elf(const std::string& path);

}  // namespace ashlar::command

#endif
