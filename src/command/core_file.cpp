#include "command/core_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "command/elf_file.hpp"
#include "command/program.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotRead = 2;

using Header = ElfW(Ehdr);
using ProgramHeader = ElfW(Phdr);

// Notes of a real core are far smaller: a damaged length must not make us read
// gigabytes.
constexpr std::uint64_t kMostNotes = std::uint64_t{64} << 20;
constexpr std::size_t kAlign = 4;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

template <class T>
bool get(const std::vector<char>& data, std::size_t at, T& to) {
    if (at > data.size() || data.size() - at < sizeof to) return false;
    std::memcpy(&to, data.data() + at, sizeof to);
    return true;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

CoreFile::CoreFile(const std::string& path) : path_(path) {
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file_ < 0 || fstat(file_, &status) != 0)
        throw Failure(kCannotRead, path + ": " + std::strerror(errno));
    size_ = static_cast<std::uint64_t>(status.st_size);
    try {
        read_segments();
    } catch (...) {
        ::close(file_);
        throw;
    }
}

CoreFile::~CoreFile() { ::close(file_); }

bool CoreFile::read(std::uint64_t offset, void* to, std::size_t bytes) const noexcept {
    auto* out = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t got = pread(file_, out, bytes, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            errno = EFAULT;
            return false;
        }
        out += got;
        offset += static_cast<std::uint64_t>(got);
        bytes -= static_cast<std::size_t>(got);
    }
    return true;
}

void CoreFile::read_segments() {
    Header header{};
    if (!read(0, &header, sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_type != ET_CORE) {
        throw Failure(kCannotRead, path_ + " is no core file");
    }
    const std::optional<ElfFile> elf = read_elf(path_);
    if (!elf || !elf->native || header.e_phentsize != sizeof(ProgramHeader))
        throw Failure(kCannotRead, path_ + " is a core file of another architecture");
    std::uint64_t count = header.e_phnum;
    if (count == PN_XNUM) {  // as many as do not fit: a section header has the number
        ElfW(Shdr) section{};
        if (read(header.e_shoff, &section, sizeof section)) count = section.sh_info;
    }
    count = std::min(count, size_ / sizeof(ProgramHeader));
    std::vector<ProgramHeader> headers;
    for (std::uint64_t i = 0; i < count; ++i) {
        ProgramHeader one{};
        if (!read(header.e_phoff + i * sizeof one, &one, sizeof one)) break;
        headers.push_back(one);
    }
    for (const ProgramHeader& one : headers) {
        if (one.p_type == PT_NOTE) read_notes(one.p_offset, one.p_filesz);
    }
    for (const ProgramHeader& one : headers) {
        if (one.p_type == PT_LOAD) add_segment(one);
    }
    std::sort(segments_.begin(), segments_.end(),
              [](const Segment& a, const Segment& b) { return a.start < b.start; });
    make_mappings();
}

// After the notes: files_ is known.
void CoreFile::add_segment(const ProgramHeader& header) {
    const std::uint64_t start = header.p_vaddr;
    const std::uint64_t there = header.p_offset < size_ ? size_ - header.p_offset : 0;
    const std::uint64_t bytes = std::min<std::uint64_t>(header.p_filesz, there);
    missing_ += header.p_filesz - bytes;
    std::uint64_t end = start + bytes;
    const bool zero = bytes == header.p_filesz && (header.p_flags & PF_W) != 0 &&
                      header.p_memsz > bytes && file_at(start).empty();
    if (zero) end = start + header.p_memsz;
    if (start < end) segments_.push_back({start, start + bytes, end, header.p_offset});
}

// ----------------------------------------------------------------------- notes

void CoreFile::read_notes(std::uint64_t offset, std::uint64_t bytes) {
    if (bytes > kMostNotes || offset > size_) return;
    std::vector<char> notes(std::min(bytes, size_ - offset));
    if (!read(offset, notes.data(), notes.size())) return;
    ElfW(Nhdr) note{};
    for (std::size_t at = 0; get(notes, at, note);) {
        at += sizeof note + aligned(note.n_namesz);
        if (at > notes.size() || notes.size() - at < note.n_descsz) return;
        const auto begin = notes.begin() + static_cast<std::ptrdiff_t>(at);
        read_note(note.n_type, {begin, begin + static_cast<std::ptrdiff_t>(note.n_descsz)});
        at += aligned(note.n_descsz);
    }
}

void CoreFile::read_note(std::uint32_t type, const std::vector<char>& data) {
    prpsinfo_t info{};
    prstatus_t status{};
    if (type == NT_FILE) read_files(data);
    if (type == NT_PRPSINFO && get(data, 0, info)) {
        process_ = info.pr_pid;
        program_.assign(info.pr_fname, strnlen(info.pr_fname, sizeof info.pr_fname));
    }
    if (type == NT_PRSTATUS && process_ == 0 && get(data, 0, status)) process_ = status.pr_pid;
}

// | count | page size | start, end, first page of each | names |
void CoreFile::read_files(const std::vector<char>& data) {
    std::uint64_t count = 0;
    if (!get(data, 0, count) || count > data.size() / (3 * sizeof count)) return;
    std::size_t name = 2 * sizeof count + count * 3 * sizeof count;
    for (std::uint64_t i = 0; i < count && name < data.size(); ++i) {
        std::uint64_t numbers[3];
        if (!get(data, 2 * sizeof count + i * sizeof numbers, numbers)) return;
        const std::size_t length = strnlen(data.data() + name, data.size() - name);
        files_.push_back({numbers[0], numbers[1], numbers[2], {data.data() + name, length}});
        name += length + 1;
    }
}

std::string CoreFile::file_at(std::uint64_t address) const {
    for (const File& each : files_) {
        if (address >= each.start && address < each.end) return each.name;
    }
    return {};
}

bool CoreFile::is_of(const std::string& executable) const {
    constexpr std::size_t kBytes = 4096;
    const int file = ::open(executable.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw Failure(kCannotRead, executable + ": " + std::strerror(errno));
    char wanted[kBytes];
    const ssize_t got = ::read(file, wanted, sizeof wanted);
    ::close(file);
    bool named = files_.empty();
    for (const File& each : files_) {
        char page[kBytes];
        if (each.page != 0) continue;
        // The first page has the file's headers, with most linkers also its id.
        if (got == static_cast<ssize_t>(kBytes) && copy(each.start, page, kBytes)) {
            if (std::memcmp(page, wanted, kBytes) == 0) return true;
        } else {
            named = named || base_name(each.name) == base_name(executable);
        }
    }
    return named;
}

// ---------------------------------------------------------------------- memory

void CoreFile::make_mappings() {
    for (const Segment& each : segments_) {
        if (each.start == each.file_end) continue;
        const bool file = !file_at(each.start).empty();
        mappings_.push_back(
            {each.start, each.file_end, file ? inspect::Other::file : inspect::Other::anonymous});
    }
}

bool CoreFile::copy(std::uint64_t address, void* to, std::size_t bytes) const noexcept {
    auto* out = static_cast<char*>(to);
    auto segment = std::upper_bound(
        segments_.begin(), segments_.end(), address,
        [](std::uint64_t at, const Segment& each) noexcept { return at < each.end; });
    for (; bytes > 0; ++segment) {
        if (segment == segments_.end() || address < segment->start) {
            errno = EFAULT;
            return false;
        }
        const std::size_t n = std::min<std::uint64_t>(bytes, segment->end - address);
        const std::size_t in_file = address < segment->file_end
                                        ? std::min<std::uint64_t>(n, segment->file_end - address)
                                        : 0;
        if (!read(segment->offset + (address - segment->start), out, in_file)) return false;
        std::memset(out + in_file, 0, n - in_file);
        out += n;
        address += n;
        bytes -= n;
    }
    return true;
}

inspect::Memory CoreFile::view() const noexcept {
    const auto read_core = [](const void* context, std::uint64_t address, void* to,
                              std::size_t bytes) noexcept {
        return static_cast<const CoreFile*>(context)->copy(address, to, bytes);
    };
    return {read_core, this, true};
}

}  // namespace ashlar::command
