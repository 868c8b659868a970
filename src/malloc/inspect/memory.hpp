// The memory that a reader looks at: of this process, or of another one. It may
// change at any time, and any address may be wrong: a read fails, it never
// crashes. One thread at a time uses an object.
#ifndef ASHLAR_MALLOC_INSPECT_MEMORY_HPP
#define ASHLAR_MALLOC_INSPECT_MEMORY_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::inspect {

// A source of bytes. No virtual functions: the library needs libc only.
struct Memory {
    // Copies bytes [address, address + bytes). False: not all could be read;
    // errno says why.
    bool (*read)(const void* context, std::uint64_t address, void* to, std::size_t bytes) noexcept;
    const void* context;
    // Whether words may be read that their owners write without atomics: the
    // system copies them, or nothing changes them.
    bool reads_plain;

    [[nodiscard]] bool copy(std::uint64_t address, void* to, std::size_t bytes) const noexcept {
        return read(context, address, to, bytes);
    }
    template <class T>
    [[nodiscard]] bool get(std::uint64_t address, T& to) const noexcept {
        return copy(address, &to, sizeof(T));
    }
};

// The memory of a running process, which is not stopped. Another process is
// read by process_vm_readv(). This one is read by its file in /proc, since
// sandboxes may forbid that call; without the file by atomic loads, and then
// addresses must be right.
class ProcessMemory {
  public:
    void open(int process) noexcept;
    void close() noexcept;
    // Valid while this object stays where it is.
    [[nodiscard]] Memory view() const noexcept;

  private:
    int process_;
    int file_;  // of this process; -1: none
    bool own_;
};

// A part of the memory that was read at once: neighbouring reads cost one call.
template <std::size_t size>
class Window {
  public:
    void open(const Memory& memory) noexcept {
        memory_ = &memory;
        start_ = ~std::uint64_t{0};
    }
    [[nodiscard]] bool copy(std::uint64_t address, void* to, std::size_t bytes) noexcept {
        auto* out = static_cast<unsigned char*>(to);
        while (bytes > 0) {
            const std::uint64_t start = address / size * size;
            if (start != start_) {
                start_ = ~std::uint64_t{0};
                if (!memory_->copy(start, bytes_, size)) return false;
                start_ = start;
            }
            const std::size_t from = address - start;
            const std::size_t n = bytes < size - from ? bytes : size - from;
            for (std::size_t i = 0; i < n; ++i) out[i] = bytes_[from + i];
            out += n;
            address += n;
            bytes -= n;
        }
        return true;
    }
    template <class T>
    [[nodiscard]] bool get(std::uint64_t address, T& to) noexcept {
        return copy(address, &to, sizeof(T));
    }

  private:
    const Memory* memory_;
    std::uint64_t start_;
    unsigned char bytes_[size];
};

}  // namespace ashlar::inspect

#endif
