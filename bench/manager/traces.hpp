// Sequences of calls that do not depend on the subject, to measure how much
// memory it needs.
#ifndef ASHLAR_BENCH_MANAGER_TRACES_HPP
#define ASHLAR_BENCH_MANAGER_TRACES_HPP

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sizes.hpp"

namespace bench {

struct Trace {
    struct Step {
        std::uint32_t slot;
        std::uint32_t size;  ///< 0: the slot's block goes
    };
    std::vector<Step> steps;
    std::uint32_t slots = 0;
    std::uint64_t peak = 0;  ///< the most bytes that are live at a time, as asked for
};

/// Writes traces, and keeps a list of the live blocks.
class Writer {
  public:
    explicit Writer(std::uint64_t seed) : random(seed) {}

    void take(std::uint32_t size) {
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = trace_.slots++;
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        trace_.steps.push_back({slot, size});
        live_.push_back({slot, size});
        bytes_ += size;
        trace_.peak = std::max(trace_.peak, bytes_);
    }
    void give(std::size_t i) {
        const Trace::Step gone = live_[i];
        live_[i] = live_.back();
        live_.pop_back();
        trace_.steps.push_back({gone.slot, 0});
        free_.push_back(gone.slot);
        bytes_ -= gone.size;
    }
    [[nodiscard]] std::size_t live() const noexcept { return live_.size(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t any() noexcept { return random.below(live_.size()); }
    [[nodiscard]] Trace done() { return std::move(trace_); }

    Random random;

  private:
    Trace trace_;
    std::vector<Trace::Step> live_;
    std::vector<std::uint32_t> free_;
    std::uint64_t bytes_ = 0;
};

/// `live` blocks, then eight times as many replacements of random ones, as in a
/// server.
inline Trace replacements(Sizes sizes, std::size_t live) {
    Writer writer(live);
    for (std::size_t i = 0; i < live; ++i) writer.take(draw(sizes, writer.random));
    for (std::size_t i = 0; i < 8 * live; ++i) {
        writer.give(writer.any());
        writer.take(draw(sizes, writer.random));
    }
    return writer.done();
}

/// Six times: frees a random half, and allocates as many bytes in blocks that
/// are a quarter larger, so that they fit into no hole of a single block.
inline Trace waves(Sizes sizes, std::size_t live) {
    Writer writer(live);
    for (std::size_t i = 0; i < live; ++i) writer.take(draw(sizes, writer.random));
    const std::uint64_t bytes = writer.bytes();
    for (double scale = 1.25; scale < 4; scale *= 1.25) {
        for (std::size_t gone = writer.live() / 2; gone > 0; --gone) writer.give(writer.any());
        for (;;) {
            const auto size = static_cast<std::uint32_t>(draw(sizes, writer.random) * scale);
            if (writer.bytes() + size > bytes) break;
            writer.take(size);
        }
    }
    return writer.done();
}

}  // namespace bench

#endif
