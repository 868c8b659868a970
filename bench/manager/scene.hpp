// A live set in one buffer, aged before the measurement, whose blocks are
// replaced at random. An operation frees a block and allocates one of another
// size.
#ifndef ASHLAR_BENCH_MANAGER_SCENE_HPP
#define ASHLAR_BENCH_MANAGER_SCENE_HPP

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "sizes.hpp"
#include "subjects.hpp"

namespace bench {

/// How the threads use the blocks between allocation and free.
enum class Use {
    untouched,  ///< no access to the block
    written,    ///< the first bytes are written after the allocation and checked before the free
    handed,     ///< no access; all threads share one table, so that other threads free most blocks
};

template <class Subject>
class Scene {
    using Block = typename Subject::Block;

  public:
    Scene(Sizes sizes, std::size_t live, Use use)
        : sizes_(sizes), use_(use), buffer_(room(sizes_.mean(), live)), subject_(buffer_.bytes()),
          slots_(live) {
        Random random(live);
        for (std::size_t i = 0; i < live; ++i) fill(i, random.next());
        for (std::size_t i = 0; i < 2 * live; ++i) replace(0, 1, random);
    }

    /// Thread `index` of `count` replaces a block of its part; any block with
    /// Use::handed.
    void replace(std::size_t index, std::size_t count, Random& random) {
        const std::uint64_t drawn = random.next();
        const std::size_t share = slots_.size() / count;
        if (use_ == Use::handed) {
            const Block fresh = take(drawn);
            subject_.give(slots_[(drawn >> 32) * slots_.size() >> 32].exchange(
                fresh, std::memory_order_acq_rel));
            return;
        }
        const std::size_t slot = share * index + ((drawn >> 32) * share >> 32);
        const Block old = slots_[slot].load(std::memory_order_relaxed);
        if (use_ == Use::written) {
            std::uint32_t found = 0;
            std::memcpy(&found, subject_.bytes(old), sizeof found);
            if (found != static_cast<std::uint32_t>(slot))
                throw std::logic_error("a block's content changed");
        }
        subject_.give(old);
        fill(slot, drawn);
    }

  private:
    // Mostly untouched address space: no subject may fail here. waste.cpp
    // measures the memory that each needs.
    static std::size_t room(double mean, std::size_t live) {
        return (static_cast<std::size_t>(8 * mean * static_cast<double>(live)) +
                (std::size_t{4} << 20)) &
               ~std::size_t{65535};
    }
    Block take(std::uint64_t drawn) {
        const std::uint32_t size = sizes_[drawn];
        const Block block = subject_.take(use_ == Use::written && size < 4 ? 4 : size);
        if (block == Subject::none) throw std::runtime_error("nothing fits");
        return block;
    }
    void fill(std::size_t slot, std::uint64_t drawn) {
        const Block block = take(drawn);
        if (use_ == Use::written) {
            const auto mark = static_cast<std::uint32_t>(slot);
            std::memcpy(subject_.bytes(block), &mark, sizeof mark);
        }
        slots_[slot].store(block, std::memory_order_relaxed);
    }

    Drawn sizes_;
    Use use_;
    Buffer buffer_;
    Subject subject_;
    std::vector<std::atomic<Block>> slots_;
};

/// The scene of that name, which the first thread makes. The last one is kept:
/// Google Benchmark calls a function several times with growing counts, and it
/// takes long to make a million blocks.
template <class Scene>
std::shared_ptr<Scene> scene(const std::string& name, Sizes sizes, std::size_t live, Use use) {
    static std::mutex mutex;
    static std::string kept_name;
    static std::shared_ptr<Scene> kept;
    const std::lock_guard<std::mutex> lock(mutex);
    if (kept == nullptr || kept_name != name) {
        kept.reset();
        kept = std::make_shared<Scene>(sizes, live, use);
        kept_name = name;
    }
    return kept;
}

}  // namespace bench

#endif
