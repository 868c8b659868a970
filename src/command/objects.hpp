// Which object of a process malloc's names bind to. Goes by the symbol tables
// of the files and by the dynamic linker's order, and runs nothing.
#ifndef ASHLAR_COMMAND_OBJECTS_HPP
#define ASHLAR_COMMAND_OBJECTS_HPP

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ashlar::command {

struct Object {
    std::string path;         // as the process names it
    std::string soname;       // empty: it has none
    std::string interpreter;  // the dynamic linker, of a program
    std::string version;      // of Ashlar, where the object contains it
    std::vector<std::string> needed;
    std::set<std::string> defines;  // of malloc's names
    std::set<std::string> wants;
    bool has_malloc = false;  // in any table of symbols
    bool symbolic = false;    // looks in itself first
    bool at_start = true;     // loaded at the start, so that others see its names

    [[nodiscard]] bool is_ashlar() const { return !version.empty(); }
};

/// Reads the object at `root` + `path`. Nothing: it is no ELF file of this
/// machine.
std::optional<Object> read_object(const std::string& root, const std::string& path);

/// The objects in the order in which names are looked up: the program first,
/// then what is preloaded, then what these need, level by level. The rest was
/// opened later.
std::vector<Object> in_search_order(std::vector<Object> objects,
                                    const std::vector<std::string>& preloaded);

struct Binding {
    std::string name;
    std::optional<std::size_t> provider;  // nothing: no object defines it
};
/// The object that a name binds to for what is loaded at the start and later.
std::optional<std::size_t> provider_of(const std::vector<Object>& objects, const std::string& name);
/// Where the names that an object wants bind to, as positions in `objects`.
std::vector<Binding> bindings_of(const std::vector<Object>& objects, std::size_t position);

/// The part of a path after the last slash.
std::string base_name(const std::string& path);

}  // namespace ashlar::command

#endif
