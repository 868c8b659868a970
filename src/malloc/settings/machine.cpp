#include "malloc/settings/machine.hpp"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <cstddef>
#include <cstring>

#include "malloc/settings/values.hpp"

namespace ashlar::settings {

namespace {

// As much of a file as there is room for; false: it cannot be read.
bool read_file(const char* path, char* text, std::size_t room) noexcept {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    std::size_t length = 0;
    for (ssize_t n = 1; n > 0 && length < room - 1;) {
        n = ::read(file, text + length, room - 1 - length);
        if (n > 0) length += static_cast<std::size_t>(n);
    }
    close(file);
    text[length] = '\0';
    return length != 0;
}

// A path that is put together from parts. A part that does not fit is left out.
class Path {
  public:
    explicit Path(const char* root) noexcept { append(root, std::strlen(root)); }
    void append(const char* part, std::size_t length) noexcept {
        if (length >= sizeof text_ - length_) return;
        std::memcpy(text_ + length_, part, length);
        cut(length_ + length);
    }
    void cut(std::size_t length) noexcept {
        length_ = length;
        text_[length] = '\0';
    }
    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    [[nodiscard]] const char* text() const noexcept { return text_; }

  private:
    std::size_t length_ = 0;
    char text_[4096];
};

std::uint64_t number_in(const char* path) noexcept {
    char text[32];
    if (!read_file(path, text, sizeof text)) return kUnlimited;
    const char* at = text;
    std::uint64_t bytes = 0;
    return read_number(at, bytes) ? bytes : kUnlimited;  // also for "max"
}

// Of the group and those above it, down to the root.
std::uint64_t least_limit(Path path, std::size_t root, const char* file) noexcept {
    std::uint64_t least = kUnlimited;
    for (std::size_t length = path.length(); length >= root && length != 0; --length) {
        if (length != path.length() && path.text()[length] != '/' && length != root) continue;
        path.cut(length);
        Path whole = path;
        whole.append(file, std::strlen(file));
        const std::uint64_t found = number_in(whole.text());
        least = found < least ? found : least;
    }
    return least;
}

// Whether a line "number:controllers:path" is that of the memory of version 1.
bool names_memory(const char* controllers, const char* end) noexcept {
    constexpr std::size_t kLength = 6;
    for (const char* at = controllers; at + kLength <= end; ++at) {
        const bool begins = at == controllers || at[-1] == ',';
        const bool ends = at + kLength == end || at[kLength] == ',';
        if (begins && ends && std::memcmp(at, "memory", kLength) == 0) return true;
    }
    return false;
}

}  // namespace

std::uint64_t cgroup_limit(const char* root, const char* groups) noexcept {
    std::uint64_t least = kUnlimited;
    for (const char* line = groups; *line != '\0';) {
        const char* const newline = std::strchr(line, '\n');
        const char* const end = newline != nullptr ? newline : line + std::strlen(line);
        const char* const first = std::strchr(line, ':');
        const char* const second = first != nullptr ? std::strchr(first + 1, ':') : nullptr;
        const bool whole = second != nullptr && second < end;
        const bool unified = whole && second == first + 1 && *line == '0';
        if (unified || (whole && names_memory(first + 1, second))) {
            Path path(root);
            if (!unified) path.append("/memory", 7);
            const std::size_t top = path.length();
            path.append(second + 1, static_cast<std::size_t>(end - second - 1));
            const std::uint64_t found =
                least_limit(path, top, unified ? "/memory.max" : "/memory.limit_in_bytes");
            least = found < least ? found : least;
        }
        line = newline != nullptr ? newline + 1 : end;
    }
    return least;
}

std::uint64_t machine_memory() noexcept {
    struct sysinfo machine {};
    if (sysinfo(&machine) != 0) return kUnlimited;
    return std::uint64_t{machine.totalram} * machine.mem_unit;
}

std::uint64_t available_memory() noexcept {
    const std::uint64_t least = machine_memory();
    char groups[8192];
    if (!read_file("/proc/self/cgroup", groups, sizeof groups)) return least;
    const std::uint64_t limit = cgroup_limit("/sys/fs/cgroup", groups);
    return limit < least ? limit : least;
}

std::uint64_t bytes_of(const Amount& amount, std::uint64_t whole) noexcept {
    return amount.percent ? whole / 100 * amount.value : amount.value;
}

}  // namespace ashlar::settings
