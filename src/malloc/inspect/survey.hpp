// Everything that a report says about a process: its heaps, its mapped blocks,
// and its resident memory that is not ours. The process may be this one. A
// survey lies in a mapping of its own: it needs no malloc and little stack. One
// thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_SURVEY_HPP
#define ASHLAR_MALLOC_INSPECT_SURVEY_HPP

#include <span>

#include "malloc/inspect/heap_reader.hpp"
#include "malloc/inspect/proc_file.hpp"

namespace ashlar::inspect {

// Resident memory outside of the heaps, by what is mapped there.
enum class Other : unsigned { file, shared, stack, brk, anonymous, system };
inline constexpr unsigned kOthers = 6;

// The part of a mapping that a core file has.
struct CoreMapping {
    std::uint64_t start, end;
    Other kind;
};

// A block with a mapping of its own.
struct MappedPlace {
    std::uint64_t start, bytes;
};

// Result of find_heap().
enum class Found : unsigned {
    heap,
    no_process,     // there is none, or its mappings may not be read; errno says why
    refused,        // its memory may not be read
    other_version,  // it has a heap of another version of this library
    none,
};

// Counters of heaps that last as long as the process: they never go down, as
// the sums over all heaps may.
struct LastingCounters {
    std::uint64_t misses[kMisses];
    std::uint64_t lock_taken, lock_refused;
};

struct Result {
    int process;
    std::uint64_t process_heap;  // 0: not looked for
    std::uint64_t grown, private_heaps;
    HeapCounts counts;        // of all heaps
    LastingCounters lasting;  // of the process heap, and of those that it grew by
    std::uint64_t mapped_blocks;
    Part mapped;  // mapped blocks
    std::uint64_t mapped_peak;
    std::uint64_t calls[kCalls];
    std::uint64_t metadata_resident;
    std::uint64_t guarded_resident;  // guarded blocks, and their records
    std::uint64_t others[kOthers];
    // As the kernel says: the mean of before and after.
    std::uint64_t rss;
    std::uint64_t swapped;
    bool pages_known;  // residency could be read
    bool core;         // of a core file: pages that are not all zero count as resident
    WorstSlabs worst;
};

class Survey {
  public:
    // nullptr: the system refuses.
    [[nodiscard]] static Survey* make(int process) noexcept;
    // Of a core file of this process.
    [[nodiscard]] static Survey* make(int process, const Memory& core) noexcept;
    static void destroy(Survey* survey) noexcept;

    // Finds the description of the process heap, by the magic that it begins
    // with. For another process. `thorough`: also at pages within mappings,
    // which takes long in a process that has none.
    [[nodiscard]] Found find_heap(std::uint64_t& heap, bool thorough = true) noexcept;
    [[nodiscard]] Found find_heap(const CoreMapping* list, std::size_t count,
                                  std::uint64_t& heap) noexcept;
    // All of a process, whose process heap has its layout at `heap`; 0: it has
    // none yet. The visitor may be null.
    void take(std::uint64_t heap, const UnitVisitor* visitor = nullptr) noexcept;
    // The same for a core file, whose mappings are ordered by address.
    void take(std::uint64_t heap, const CoreMapping* list, std::size_t count,
              const UnitVisitor* visitor) noexcept;
    // Only the heaps and the mapped blocks, without residency: nothing of /proc
    // is read, and of a core only tables.
    void take_heaps(std::uint64_t heap, const UnitVisitor& visitor) noexcept;
    // Only the counts of the process heap, the heaps that it grew by, and the
    // mapped blocks: nothing of /proc is read.
    void count_process(std::uint64_t heap) noexcept;
    // Only the counts of one heap.
    void count_heap(std::uint64_t heap) noexcept;

    [[nodiscard]] const Result& result() const noexcept { return result_; }
    [[nodiscard]] const Memory& memory() const noexcept { return memory_; }
    // The layouts of the heaps, and the mapped blocks, that take() found.
    [[nodiscard]] std::span<const std::uint64_t> heaps() const noexcept {
        return {heap_list_, heaps_};
    }
    [[nodiscard]] std::span<const MappedPlace> mapped() const noexcept {
        return {mapped_list_, mapped_};
    }
    // Where the guarded blocks lie; 0 bytes: there are none.
    [[nodiscard]] const MappedPlace& guarded() const noexcept { return guarded_; }

  private:
    static constexpr std::uint32_t kMostHeaps = 4200;
    static constexpr std::uint32_t kMostMapped = 4096;
    static constexpr std::uint32_t kMostPlaces = 65536;  // of the registry
    static constexpr std::uint32_t kMostRanges = kMostHeaps + kMostMapped + 1;

    struct Range {
        std::uint64_t start, end;
        std::uint64_t units;  // where a heap's metadata ends, or one of the below
    };
    static constexpr std::uint64_t kMappedBlock = 0;
    static constexpr std::uint64_t kGuarded = 1;

    void open_heaps(std::uint64_t heap) noexcept;
    void count_heaps(const UnitVisitor* visitor) noexcept;
    void read_process() noexcept;
    void read_registry() noexcept;
    void read_mapped() noexcept;
    void read_guarded() noexcept;
    void add_range(const Range& range) noexcept;
    [[nodiscard]] const Range* range_behind(std::uint64_t at) const noexcept;
    bool read_maps() noexcept;
    void end_mapping() noexcept;
    template <class F>
    void each_part(F f) noexcept;
    void count_mapping() noexcept;
    [[nodiscard]] std::uint64_t kernels_rss() noexcept;
    void count_layout(std::uint64_t layout) noexcept;
    void keep_lasting() noexcept;
    void count_mapped() noexcept;
    void count_calls() noexcept;
    void read_core(const CoreMapping* list, std::size_t count) noexcept;
    [[nodiscard]] Found look_for_heap(std::uint64_t address) noexcept;
    [[nodiscard]] Found search(std::uint64_t from, std::uint64_t to, std::uint64_t& heap) noexcept;

    // The mapping whose lines are being read.
    struct Mapping {
        std::uint64_t start, end, resident;
        Other kind;
    };

    int process_;
    ProcessMemory source_;
    Memory memory_;
    Result result_;
    HeapLayout layout_;
    ProcessTables root_;
    bool has_root_;
    bool shared_pages_;
    Mapping mapping_;
    Residency pages_;
    HeapReader reader_;
    ProcFile file_;
    std::uint32_t heaps_, ranges_, mapped_;
    MappedPlace guarded_;
    std::uint32_t lasting_;  // heaps at the beginning of the list that never end
    std::uint64_t heap_list_[kMostHeaps];
    Range range_list_[kMostRanges];
    MappedPlace mapped_list_[kMostMapped];
};

}  // namespace ashlar::inspect

#endif
