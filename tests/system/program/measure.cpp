#include "measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace measure {
namespace {

struct Figure {
    const char* name;
    double value;
};
Figure figures[32];
std::size_t figure_count = 0;

/// Reads a file of /proc line by line through a buffer on the stack.
class Lines {
  public:
    explicit Lines(const char* path) : file_(open(path, O_RDONLY | O_CLOEXEC)) {}
    ~Lines() {
        if (file_ >= 0) close(file_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    bool opened() const { return file_ >= 0; }

    /// The next line without its end, valid until the next call; null at the
    /// end.
    const char* next() {
        for (;;) {
            char* const end = static_cast<char*>(std::memchr(text_ + first_, '\n', last_ - first_));
            if (end != nullptr) {
                *end = '\0';
                const char* const line = text_ + first_;
                first_ = static_cast<std::size_t>(end - text_) + 1;
                return line;
            }
            std::memmove(text_, text_ + first_, last_ - first_);
            last_ -= first_;
            first_ = 0;
            const ssize_t got = read(file_, text_ + last_, sizeof text_ - last_);
            if (got <= 0) return nullptr;
            last_ += static_cast<std::size_t>(got);
        }
    }

  private:
    int file_;
    std::size_t first_ = 0;
    std::size_t last_ = 0;
    char text_[16384];
};

bool starts(const char* line, const char* word) {
    return std::strncmp(line, word, std::strlen(word)) == 0;
}

std::size_t field_kib(const char* path, const char* field) {
    Lines lines(path);
    while (const char* line = lines.next()) {
        if (starts(line, field)) return std::strtoul(line + std::strlen(field), nullptr, 10);
    }
    require(false, field);
    return 0;
}

bool has_flag(const char* line, const char* flag) {
    const char* const found = std::strstr(line + std::strlen("VmFlags:"), flag);
    return found != nullptr && found[-1] == ' ';
}

/// KiB of all mappings with flags that `counts` accepts.
template <typename Counts>
std::size_t mapped_kib(Counts counts) {
    Lines lines("/proc/self/smaps");
    std::size_t size = 0;
    std::size_t result = 0;
    while (const char* line = lines.next()) {
        if (starts(line, "Size:")) size = std::strtoul(line + 5, nullptr, 10);
        if (starts(line, "VmFlags:") && counts(line)) result += size;
    }
    return result;
}

std::uint64_t time_of(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

constexpr std::size_t page = 4 * kib;
constexpr std::size_t huge = 2 * mib;

/// Which pages of a mapping are resident, read from /proc/self/pagemap in
/// pieces of 2 MiB.
class Residency {
  public:
    Residency() : file_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {
        require(file_ >= 0, "/proc/self/pagemap");
    }
    ~Residency() { close(file_); }
    Residency(const Residency&) = delete;
    Residency& operator=(const Residency&) = delete;

    /// Resident bytes of [first, last), which lies within one aligned piece of
    /// 2 MiB.
    std::size_t bytes(std::uintptr_t first, std::uintptr_t last) {
        const std::size_t wanted = (last - first) / page * sizeof(std::uint64_t);
        const ssize_t got = pread(file_, entries_, wanted, static_cast<off_t>(first / page * 8));
        std::size_t result = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(got < 0 ? 0 : got) / 8; ++i) {
            if ((entries_[i] >> 63) != 0) result += page;
        }
        return result;
    }

  private:
    int file_;
    std::uint64_t entries_[huge / page];
};

struct Mapping {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    std::size_t anonymous_kib = 0;
    bool candidate = false;
};

std::size_t with_huge_pages(Residency& residency, const Mapping& mapping, bool refused) {
    if (refused || !mapping.candidate) return mapping.anonymous_kib;
    std::size_t result = 0;
    std::size_t seen = 0;
    const std::size_t resident = mapping.anonymous_kib * kib;
    for (std::uintptr_t at = mapping.first; at < mapping.last && seen < resident;) {
        const std::uintptr_t end = (at / huge + 1) * huge;
        const std::uintptr_t last = end < mapping.last ? end : mapping.last;
        const std::size_t bytes = residency.bytes(at, last);
        seen += bytes;
        result += bytes != 0 && last - at == huge ? huge : bytes;
        at = last;
    }
    return result / kib;
}

}  // namespace

void require(bool holds, const char* what, const char* file, int line) {
    if (holds) return;
    char text[512];
    const int length = std::snprintf(text, sizeof text, "%s:%d: %s\n", file, line, what);
    if (length > 0 && write(2, text, static_cast<std::size_t>(length)) < 0) _exit(2);
    _exit(1);
}

void skip(const char* why) {
    if (write(2, why, std::strlen(why)) < 0 || write(2, "\n", 1) < 0) _exit(2);
    _exit(skipped);
}

std::size_t anonymous_kib() { return field_kib("/proc/self/smaps_rollup", "Anonymous:"); }

OfFile resident_of(const char* path) {
    Lines lines("/proc/self/smaps");
    OfFile result{};
    bool ours = false;
    bool code = false;
    bool behind = false;
    while (const char* line = lines.next()) {
        char* place = nullptr;
        std::strtoul(line, &place, 16);
        if (place != line && *place == '-') {
            ours = std::strstr(line, path) != nullptr;
            behind = code;
            code = code || (ours && std::strstr(line, "r-xp") != nullptr);
        } else if (ours && starts(line, "Rss:")) {
            const std::size_t resident = std::strtoul(line + 4, nullptr, 10);
            result.all_kib += resident;
            result.behind_code_kib += behind ? resident : 0;
        } else if (ours && starts(line, "Anonymous:") && behind) {
            result.behind_code_kib -= std::strtoul(line + 10, nullptr, 10);
        }
    }
    return result;
}

std::size_t status_kib(const char* field) { return field_kib("/proc/self/status", field); }

std::size_t charged_kib() {
    return mapped_kib([](const char* flags) { return has_flag(flags, "ac"); });
}

std::size_t charged_kib_if_strict() {
    return mapped_kib([](const char* flags) {
        return has_flag(flags, "ac") || (has_flag(flags, "wr") && !has_flag(flags, "sh"));
    });
}

std::size_t anonymous_kib_with_huge_pages() {
    static Residency residency;
    Lines lines("/proc/self/smaps");
    Mapping mapping;
    std::size_t result = 0;
    while (const char* line = lines.next()) {
        char* place = nullptr;
        const std::uintptr_t first = std::strtoul(line, &place, 16);
        if (place != line && *place == '-') {
            const std::uintptr_t last = std::strtoul(place + 1, &place, 16);
            const bool writable = place[2] == 'w';
            const bool others = std::strchr(line, '/') != nullptr || std::strstr(line, "[stack");
            mapping = {first, last, 0, writable && !others};
        } else if (starts(line, "Anonymous:")) {
            mapping.anonymous_kib = std::strtoul(line + 10, nullptr, 10);
        } else if (starts(line, "VmFlags:")) {
            result += with_huge_pages(residency, mapping, has_flag(line, "nh"));
        }
    }
    return result;
}

void reset_peak() {
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    require(file >= 0 && write(file, "5", 1) == 1, "/proc/self/clear_refs");
    close(file);
}

std::uint64_t now_ns() { return time_of(CLOCK_MONOTONIC); }
std::uint64_t cpu_ns() { return time_of(CLOCK_PROCESS_CPUTIME_ID); }

void rest_ms(unsigned milliseconds) {
    const timespec time{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1'000'000};
    nanosleep(&time, nullptr);
}

void* map(std::size_t bytes) {
    void* const place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(place != MAP_FAILED, "mmap");
    madvise(place, bytes, MADV_NOHUGEPAGE);
    return place;
}

void unmap(void* place, std::size_t bytes) { munmap(place, bytes); }

void figure(const char* name, double value) {
    require(figure_count < sizeof figures / sizeof *figures, "too many figures");
    figures[figure_count++] = {name, value};
}

void print() {
    Dl_info from{};
    require(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &from) != 0, "malloc is nowhere");
    std::printf("{\"malloc\": \"%s\"", from.dli_fname);
    for (std::size_t i = 0; i < figure_count; ++i) {
        std::printf(", \"%s\": %.6g", figures[i].name, figures[i].value);
    }
    std::printf("}\n");
    std::fflush(stdout);
}

}  // namespace measure
