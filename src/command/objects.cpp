#include "command/objects.hpp"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "command/elf_file.hpp"
#include "command/elf_reader.hpp"

namespace ashlar::command {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);
using Dynamic = ElfW(Dyn);
using Symbol = ElfW(Sym);

constexpr std::array kNames = {
    "malloc",
    "free",
    "calloc",
    "realloc",
    "reallocarray",
    "cfree",
    "free_sized",
    "posix_memalign",
    "memalign",
    "free_aligned_sized",
    "valloc",
    "aligned_alloc",
    "pvalloc",
    "_Znwm",
    "malloc_usable_size",
    "_Znam",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvm",
    "_ZnwmSt11align_val_t",
    "_ZdaPvm",
    "_ZnwmRKSt9nothrow_t",
};

bool is_of_malloc(const char* name) {
    return std::any_of(kNames.begin(), kNames.end(),
                       [name](const char* one) { return std::strcmp(one, name) == 0; });
}

// The text that src/malloc/api/ashlar_c.cpp puts before the version.
std::string ashlar_version_in(const std::string& path) {
    constexpr char kMark[] = "ashlar version ";
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    for (std::size_t at = bytes.find(kMark); at != std::string::npos;
         at = bytes.find(kMark, at + 1)) {
        std::string version(bytes.c_str() + at + sizeof kMark - 1);
        if (!version.empty() && std::isdigit(static_cast<unsigned char>(version.front())) != 0)
            return version;
    }
    return {};
}

void read_symbols(ElfReader& reader, const Header& header, Object& object) {
    const auto sections = reader.array<Section>(header.e_shoff, header.e_shnum);
    for (const Section& section : sections) {
        if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size()) continue;
        const Section& strings = sections[section.sh_link];
        auto names = reader.array<char>(strings.sh_offset, strings.sh_size);
        if (names.empty() || names.back() != '\0') continue;
        for (const Symbol& symbol :
             reader.array<Symbol>(section.sh_offset, section.sh_size / sizeof(Symbol))) {
            if (symbol.st_name >= names.size() || !is_of_malloc(&names[symbol.st_name])) continue;
            const unsigned visibility = symbol.st_other & 3U;
            if (symbol.st_shndx == SHN_UNDEF) {
                object.wants.insert(&names[symbol.st_name]);
            } else if ((symbol.st_info >> 4) != STB_LOCAL &&
                       (visibility == STV_DEFAULT || visibility == STV_PROTECTED)) {
                object.defines.insert(&names[symbol.st_name]);
            }
        }
    }
}

void read_dynamic(ElfReader& reader, const std::vector<Segment>& segments, Object& object) {
    std::vector<Dynamic> entries;
    for (const Segment& segment : segments) {
        if (segment.p_type == PT_DYNAMIC)
            entries = reader.array<Dynamic>(segment.p_offset, segment.p_filesz / sizeof(Dynamic));
        if (segment.p_type == PT_INTERP) object.interpreter = reader.text(segment.p_offset);
    }
    std::size_t names = 0;  // offset of the string table in the file
    for (const Dynamic& entry : entries) {
        if (entry.d_tag == DT_SYMBOLIC ||
            (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_SYMBOLIC) != 0))
            object.symbolic = true;
        for (const Segment& segment : segments) {
            if (entry.d_tag != DT_STRTAB || segment.p_type != PT_LOAD) continue;
            const auto within = entry.d_un.d_ptr - segment.p_vaddr;
            if (within < segment.p_filesz) names = segment.p_offset + within;
        }
    }
    for (const Dynamic& entry : entries) {
        if (names == 0) break;
        if (entry.d_tag == DT_NEEDED)
            object.needed.push_back(reader.text(names + entry.d_un.d_val));
        if (entry.d_tag == DT_SONAME) object.soname = reader.text(names + entry.d_un.d_val);
    }
}

// Whether a word of LD_PRELOAD or DT_NEEDED means this object. A process maps
// the file that symbolic links lead to: libx.so.1.2 for libx.so.
bool is_named(const Object& object, const std::string& word) {
    const std::string name = base_name(word);
    const std::string file = base_name(object.path);
    return object.path == word || object.soname == name || file == name ||
           file.rfind(name + ".", 0) == 0;
}

}  // namespace

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::optional<Object> read_object(const std::string& root, const std::string& path) {
    const auto kind = read_elf(root + path);
    if (!kind || !kind->native) return std::nullopt;
    ElfReader reader(root + path);
    const auto headers = reader.array<Header>(0, 1);
    if (headers.empty()) return std::nullopt;
    Object object;
    object.path = path;
    object.has_malloc = kind->defines_malloc;
    const auto segments = reader.array<Segment>(headers[0].e_phoff, headers[0].e_phnum);
    read_dynamic(reader, segments, object);
    read_symbols(reader, headers[0], object);
    object.version = ashlar_version_in(root + path);
    return object;
}

std::vector<Object> in_search_order(std::vector<Object> objects,
                                    const std::vector<std::string>& preloaded) {
    std::vector<Object> ordered;
    const auto take = [&](const std::string& word) {
        const auto found = std::find_if(objects.begin(), objects.end(),
                                        [&word](const Object& one) { return is_named(one, word); });
        if (found == objects.end()) return;
        ordered.push_back(std::move(*found));
        objects.erase(found);
    };
    if (objects.empty()) return ordered;
    ordered.push_back(std::move(objects.front()));
    objects.erase(objects.begin());
    for (const std::string& word : preloaded) take(word);
    // take() appends to the list.
    for (std::size_t i = 0; i < ordered.size(); ++i) {  // NOLINT(modernize-loop-convert)
        const std::vector<std::string> needed = ordered[i].needed;
        for (const std::string& word : needed) take(word);
    }
    for (Object& object : objects) {
        object.at_start = false;
        ordered.push_back(std::move(object));
    }
    return ordered;
}

std::optional<std::size_t> provider_of(const std::vector<Object>& objects,
                                       const std::string& name) {
    for (std::size_t i = 0; i < objects.size(); ++i) {
        if (objects[i].at_start && objects[i].defines.count(name) != 0) return i;
    }
    return std::nullopt;
}

std::vector<Binding> bindings_of(const std::vector<Object>& objects, std::size_t position) {
    const Object& own = objects[position];
    std::vector<Binding> bindings;
    for (const std::string& name : own.wants) {
        const bool itself = own.defines.count(name) != 0;
        Binding binding{name, provider_of(objects, name)};
        if (itself && (own.symbolic || !binding.provider)) binding.provider = position;
        bindings.push_back(binding);
    }
    return bindings;
}

}  // namespace ashlar::command
