#include "malloc/inspect/memory.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>

#include "base/atomic.hpp"
#include "malloc/inspect/proc_file.hpp"

namespace ashlar::inspect {

namespace {

bool read_other(const void* context, std::uint64_t address, void* to, std::size_t bytes) noexcept {
    iovec local{to, bytes};
    iovec remote{reinterpret_cast<void*>(address), bytes};
    const int process = *static_cast<const int*>(context);
    return process_vm_readv(process, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

bool read_file(const void* context, std::uint64_t address, void* to, std::size_t bytes) noexcept {
    const int file = *static_cast<const int*>(context);
    return pread(file, to, bytes, static_cast<off_t>(address)) == static_cast<ssize_t>(bytes);
}

// Relaxed: each word is checked by the reader. Tables consist of words of 4 or
// 8 bytes.
template <class T>
void load(const std::uint64_t address, void* to) noexcept {
    const T value = reinterpret_cast<const base::Atomic<T>*>(address)->load(base::rlx);
    __builtin_memcpy(to, &value, sizeof value);
}

bool read_words(const void* /*context*/, std::uint64_t address, void* to,
                std::size_t bytes) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    while (bytes > 0) {
        std::size_t n = 1;
        if (address % sizeof(std::uint64_t) == 0 && bytes >= sizeof(std::uint64_t)) {
            load<std::uint64_t>(address, out);
            n = sizeof(std::uint64_t);
        } else if (address % sizeof(std::uint32_t) == 0 && bytes >= sizeof(std::uint32_t)) {
            load<std::uint32_t>(address, out);
            n = sizeof(std::uint32_t);
        } else {
            load<std::uint8_t>(address, out);
        }
        address += n;
        out += n;
        bytes -= n;
    }
    return true;
}

}  // namespace

void ProcessMemory::open(int process) noexcept {
    const int saved = errno;
    process_ = process;
    own_ = process == getpid();
    file_ = own_ ? open_proc(process, "mem") : -1;
    errno = saved;
}

void ProcessMemory::close() noexcept {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
}

Memory ProcessMemory::view() const noexcept {
    if (!own_) return {read_other, &process_, true};
    if (file_ >= 0) return {read_file, &file_, true};
    return {read_words, nullptr, false};
}

}  // namespace ashlar::inspect
