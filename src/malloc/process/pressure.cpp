#include "malloc/process/pressure.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace ashlar::cache {

namespace {

// In percent: tasks lose a noticeable part of their time.
constexpr int kHigh = 5;

// Reads the beginning of a file as a string. False: it can't be read, or is
// empty.
bool read_text(const char* path, char* text, std::size_t most) noexcept {
    const int before = errno;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = file >= 0 ? read(file, text, most - 1) : -1;
    if (file >= 0) close(file);
    errno = before;
    if (n <= 0) return false;
    text[n] = '\0';
    return true;
}

// The path of the cgroup's file.
struct Path {
    char text[512];
    bool found;
};

// Only the background thread uses these.
constinit Path own_path{};
constinit bool looked = false;
constinit bool own_descriptors = false;

Path find_path() noexcept {
    constexpr char kRoot[] = "/sys/fs/cgroup";
    constexpr char kFile[] = "/memory.pressure";
    Path path{};
    char groups[1024];
    if (!read_text("/proc/self/cgroup", groups, sizeof groups)) return path;
    const char* own = std::strstr(groups, "0::/");
    if (own == nullptr) return path;
    own += 3;
    const char* end = std::strchr(own, '\n');
    const std::size_t length = end != nullptr ? static_cast<std::size_t>(end - own) : 0;
    if (length == 0 || sizeof kRoot + length + sizeof kFile > sizeof path.text) return path;
    char* at = path.text;
    at = static_cast<char*>(std::memcpy(at, kRoot, sizeof kRoot - 1)) + sizeof kRoot - 1;
    at = static_cast<char*>(std::memcpy(at, own, length)) + (length > 1 ? length : 0);
    std::memcpy(at, kFile, sizeof kFile);
    path.found = access(path.text, R_OK) == 0;
    return path;
}

}  // namespace

int pressure_of(const char* text) noexcept {
    constexpr char kBefore[] = "some avg10=";
    const char* at = std::strstr(text, kBefore);
    if (at == nullptr) return -1;
    at += sizeof kBefore - 1;
    if (*at < '0' || *at > '9') return -1;
    int percent = 0;
    for (; *at >= '0' && *at <= '9' && percent <= 100; ++at) percent = percent * 10 + (*at - '0');
    return percent;
}

void use_own_descriptors() noexcept {
    constexpr unsigned kUnshare = 1U << 1;  // CLOSE_RANGE_UNSHARE
    own_descriptors = syscall(SYS_close_range, 0U, ~0U, kUnshare) == 0;
    looked = false;
}

bool under_pressure() noexcept {
    if (!own_descriptors) return false;
    if (!looked) own_path = find_path();
    looked = true;
    char text[256];
    return own_path.found && read_text(own_path.text, text, sizeof text) &&
           pressure_of(text) >= kHigh;
}

}  // namespace ashlar::cache
