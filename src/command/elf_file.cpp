#include "command/elf_file.hpp"

#include <elf.h>
#include <link.h>

#include <cstring>

#include "command/elf_reader.hpp"

namespace ashlar::command {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);
using Dynamic = ElfW(Dyn);
using Symbol = ElfW(Sym);

bool is_native(const Header& header) {
    const auto own = ElfReader("/proc/self/exe").array<Header>(0, 1);
    return !own.empty() && header.e_ident[EI_CLASS] == own[0].e_ident[EI_CLASS] &&
           header.e_ident[EI_DATA] == own[0].e_ident[EI_DATA] &&
           header.e_machine == own[0].e_machine;
}

std::vector<std::string> needed_libraries(ElfReader& reader, const std::vector<Segment>& segments) {
    std::vector<Dynamic> entries;
    for (const Segment& segment : segments) {
        if (segment.p_type == PT_DYNAMIC) {
            entries = reader.array<Dynamic>(segment.p_offset, segment.p_filesz / sizeof(Dynamic));
        }
    }
    std::size_t names = 0;  // offset of the string table in the file
    for (const Dynamic& entry : entries) {
        if (entry.d_tag != DT_STRTAB) continue;
        for (const Segment& segment : segments) {
            const auto within = entry.d_un.d_ptr - segment.p_vaddr;
            if (segment.p_type == PT_LOAD && within < segment.p_filesz)
                names = segment.p_offset + within;
        }
    }
    std::vector<std::string> libraries;
    for (const Dynamic& entry : entries) {
        if (entry.d_tag == DT_NEEDED && names != 0)
            libraries.push_back(reader.text(names + entry.d_un.d_val));
    }
    return libraries;
}

bool defines_malloc(ElfReader& reader, const Header& header) {
    const auto sections = reader.array<Section>(header.e_shoff, header.e_shnum);
    for (const Section& section : sections) {
        if ((section.sh_type != SHT_DYNSYM && section.sh_type != SHT_SYMTAB) ||
            section.sh_link >= sections.size())
            continue;
        const Section& strings = sections[section.sh_link];
        const auto names = reader.array<char>(strings.sh_offset, strings.sh_size);
        for (const Symbol& symbol :
             reader.array<Symbol>(section.sh_offset, section.sh_size / sizeof(Symbol))) {
            // The terminating zero is compared as well.
            if (symbol.st_shndx != SHN_UNDEF && symbol.st_name + sizeof("malloc") <= names.size() &&
                std::memcmp(names.data() + symbol.st_name, "malloc", sizeof("malloc")) == 0) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

std::optional<ElfFile> read_elf(const std::string& path) {
    ElfReader reader(path);
    const auto headers = reader.array<Header>(0, 1);
    if (headers.empty() || std::memcmp(headers[0].e_ident, ELFMAG, SELFMAG) != 0)
        return std::nullopt;
    const Header& header = headers[0];
    ElfFile file;
    file.native = is_native(header);
    if (!file.native) return file;
    file.shared_object = header.e_type == ET_DYN;
    const auto segments = reader.array<Segment>(header.e_phoff, header.e_phnum);
    for (const Segment& segment : segments)
        file.has_interpreter = file.has_interpreter || segment.p_type == PT_INTERP;
    file.needed = needed_libraries(reader, segments);
    file.defines_malloc = defines_malloc(reader, header);
    return file;
}

}  // namespace ashlar::command
