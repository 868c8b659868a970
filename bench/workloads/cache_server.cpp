// A server that caches entries, as memcached and Redis do: a table of entries,
// each with a key and a value of its own, up to a number of bytes. The least
// recently used entry is evicted first. The sizes of values drift, so that
// holes of small values must serve large ones.
#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

constexpr std::uint64_t all_bytes = std::uint64_t{64} << 20;
constexpr unsigned phases = 4;

struct Entry {
    void* key;
    void* value;
    std::uint32_t older;
    std::uint32_t newer;
};

/// One thread's share of the keys. Entries are found by number; number 0 is the
/// end of the list in both directions.
class Shard {
  public:
    Shard(std::uint32_t keys, std::uint64_t budget, std::uint64_t seed) noexcept
        : entries_(keys + 1), keys_(keys), budget_(budget), random_(seed) {}

    /// Nine of ten requests read a key, and store it if it was missing; one of
    /// ten stores it again.
    void serve(unsigned phase) noexcept {
        const std::uint32_t number = popular();
        Entry& entry = entries_[number];
        const bool store = random_.below(10) == 0;
        if (entry.value != nullptr) {
            unlink(entry);
            if (store) {
                release(entry.value);
                entry.value = allocate(value_size(phase));
            } else {
                sum_ += verify(entry.value);
            }
        } else {
            entry.key = allocate(Uniform<24, 64>::draw(random_));
            entry.value = allocate(value_size(phase));
        }
        link(entry, number);
        while (live_ > budget_) evict(entries_[0].newer);
    }
    void empty() noexcept {
        while (entries_[0].newer != 0) evict(entries_[0].newer);
    }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] std::uint64_t stored() const noexcept { return stored_; }
    [[nodiscard]] std::uint64_t peak() const noexcept { return peak_; }

  private:
    /// Some keys are much more frequent than others: a tenth of the keys gets
    /// half of the requests.
    std::uint32_t popular() noexcept {
        const std::uint64_t a = random_.next() >> 16;
        const std::uint64_t b = random_.next() >> 16;
        const std::uint64_t c = random_.next() >> 16;
        return 1 + static_cast<std::uint32_t>((a * b * c >> 16) * keys_ >> 32);
    }
    std::size_t value_size(unsigned phase) noexcept {
        switch (phase % phases) {
            case 0: return LogUniform<64, 3>::draw(random_);
            case 1: return LogUniform<256, 4>::draw(random_);
            case 2: return LogUniform<1024, 4>::draw(random_);
            default: return LogUniform<64, 8>::draw(random_);
        }
    }
    void* allocate(std::size_t size) noexcept {
        live_ += size;
        if (live_ > peak_) peak_ = live_;
        ++stored_;
        return make(size);
    }
    void release(void*& block) noexcept {
        const std::uint64_t size = drop(block);
        live_ -= size;
        sum_ += size;
        block = nullptr;
    }
    void link(Entry& entry, std::uint32_t number) noexcept {
        entry.newer = 0;
        entry.older = entries_[0].older;
        entries_[entry.older].newer = number;
        entries_[0].older = number;
    }
    void unlink(Entry& entry) noexcept {
        entries_[entry.older].newer = entry.newer;
        entries_[entry.newer].older = entry.older;
    }
    void evict(std::uint32_t number) noexcept {
        Entry& entry = entries_[number];
        unlink(entry);
        release(entry.key);
        release(entry.value);
    }

    Table<Entry> entries_;
    std::uint32_t keys_;
    std::uint64_t budget_;
    Random random_;
    std::uint64_t live_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t stored_ = 0;
};

template <unsigned Threads>
void cache_server(Measure& measure) {
    struct alignas(128) Result {
        std::uint64_t sum;
        std::uint64_t stored;
        std::uint64_t peak;
    };
    const std::uint64_t requests = measure.scaled(6'000'000 / Threads / phases);
    Table<Result> results(Threads);
    measure_threads(measure, Threads, [&](unsigned self) {
        Shard shard(400'000 / Threads, all_bytes / Threads, self + 60);
        for (unsigned phase = 0; phase < phases; ++phase) {
            for (std::uint64_t i = 0; i < requests; ++i) shard.serve(phase);
        }
        shard.empty();
        results[self] = {shard.sum(), shard.stored(), shard.peak()};
    });
    std::uint64_t peak = 0;
    for (const Result& result : results) {
        measure.add(result.stored, result.sum);
        peak += result.peak;
    }
    measure.holds(peak);
}

constexpr char about[] =
    "64 MiB of keys and values of 64 bytes to 16 KiB, the least recently used evicted; sizes drift";

constexpr Workload workloads[] = {
    {"cache-server-1", "cache-server", 1, cache_server<1>, about},
    {"cache-server-2", "cache-server", 2, cache_server<2>, about},
    {"cache-server-4", "cache-server", 4, cache_server<4>, about},
    {"cache-server-8", "cache-server", 8, cache_server<8>, about},
};

}  // namespace

Theme cache_servers() noexcept { return theme(workloads); }

}  // namespace bench
