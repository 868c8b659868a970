// Helpers that the subcommands share: the kernel's figures about this process,
// and the line of JSON that ends each subcommand. Only the main thread uses it.
// Nothing here allocates before the line is printed, so that the figures are
// those of the situation alone.
#ifndef ASHLAR_SYSTEM_MEASURE_HPP
#define ASHLAR_SYSTEM_MEASURE_HPP

#include <cstddef>
#include <cstdint>

namespace measure {

constexpr std::size_t kib = std::size_t{1} << 10;
constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t gib = std::size_t{1} << 30;
constexpr int skipped = 77;

/// Ends the process with status 1 and a line on stderr unless `holds`.
void require(bool holds, const char* what, const char* file = __builtin_FILE(),
             int line = __builtin_LINE());

/// Ends the process with status 77: the machine lacks something.
[[noreturn]] void skip(const char* why);

/// Resident anonymous memory in KiB, exact.
std::size_t anonymous_kib();

/// Resident memory of the mappings of one file, copies of its pages included.
struct OfFile {
    std::size_t all_kib;
    // Of the pages that are still the file's, in mappings behind the first one
    // with code.
    std::size_t behind_code_kib;
};
OfFile resident_of(const char* path);

/// The KiB of a field of /proc/self/status, such as "VmHWM:".
std::size_t status_kib(const char* field);

/// KiB of the mappings that the kernel has charged to this process: VmFlags
/// "ac".
std::size_t charged_kib();

/// The same as it would be with vm.overcommit_memory=2, where MAP_NORESERVE
/// does not count: every private mapping that is or was writable.
std::size_t charged_kib_if_strict();

/// KiB of resident anonymous memory if every huge page that the mappings allow
/// were populated: the worst case of this process with THP set to "always".
std::size_t anonymous_kib_with_huge_pages();

/// Resets the peak, so that VmHWM is the peak from now on.
void reset_peak();

std::uint64_t now_ns();
std::uint64_t cpu_ns();
void rest_ms(unsigned milliseconds);

/// Memory from the kernel, not from the allocator.
void* map(std::size_t bytes);
void unmap(void* place, std::size_t bytes);

/// Adds one figure to the line.
void figure(const char* name, double value);

/// Prints the line: the file that malloc came from, and all figures.
void print();

inline double in_mib(std::size_t kibibytes) { return static_cast<double>(kibibytes) / 1024; }

/// Grown since `before`, in MiB; never negative.
inline double grown_mib(std::size_t before, std::size_t now) {
    return now > before ? in_mib(now - before) : 0;
}

/// A generator that needs no memory and gives every run the same sequence.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ * 0x2545F4914F6CDD1D >> 11;
    }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }

  private:
    std::uint64_t state_;
};

}  // namespace measure

#endif
