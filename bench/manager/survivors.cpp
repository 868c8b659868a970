// Fragmentation by survivors: a buffer is filled with blocks of 16 bytes, and
// all are given back but one of each 16 KiB. An operation is a block of the
// size in the name, taken and given back. The counters ask what the free bytes
// are still good for.
//
//   usable_percent   of the free bytes, those that blocks of that size can have
//   refused          1: not a single one can be had
//
// Names: survivors/SUBJECT/SIZE.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "subjects.hpp"

namespace {

using namespace bench;

constexpr std::size_t buffer_bytes = std::size_t{16} << 20;
constexpr std::size_t filled = 16;
constexpr std::size_t pinned = std::size_t{16} << 10;

template <class Subject>
class Stage {
    using Block = typename Subject::Block;

  public:
    Stage() : buffer_(buffer_bytes), subject_(buffer_.bytes()) {
        std::vector<Block> blocks;
        for (Block block; (block = subject_.take(filled)) != Subject::none;)
            blocks.push_back(block);
        std::vector<bool> has(buffer_bytes / pinned);
        for (const Block block : blocks) {
            const auto part =
                static_cast<std::size_t>(subject_.bytes(block) - buffer_.bytes().data()) / pinned;
            if (has[part]) {
                subject_.give(block);
            } else {
                has[part] = true;
                live_ += filled;
            }
        }
    }
    Subject& subject() noexcept { return subject_; }
    // Percent of the free bytes.
    double usable(std::size_t size) {
        std::vector<Block> blocks;
        for (Block block; (block = subject_.take(size)) != Subject::none;) blocks.push_back(block);
        for (const Block block : blocks) subject_.give(block);
        return 100.0 * static_cast<double>(blocks.size() * size) /
               static_cast<double>(buffer_bytes - live_);
    }

  private:
    Buffer buffer_;
    Subject subject_;
    std::size_t live_ = 0;
};

template <class Subject>
void survivors(benchmark::State& state, std::size_t size) {
    Stage<Subject> stage;
    const double usable = stage.usable(size);
    for (auto _ : state) {
        const auto block = stage.subject().take(size);
        if (block != Subject::none) stage.subject().give(block);
    }
    state.counters["usable_percent"] = usable;
    state.counters["refused"] = usable == 0 ? 1 : 0;
}

// Its frees walk through all holes.
bool too_slow(const std::string& subject) { return subject == "boost_seq"; }

const bool registered = [] {
    each_for_many_threads([]<class Subject>(const char* subject) {
        if (too_slow(subject)) return;
        for (const std::size_t size : {8U, 24U, 200U, 1024U, 4096U}) {
            const std::string name =
                std::string("survivors/") + subject + "/" + std::to_string(size);
            benchmark::RegisterBenchmark(
                name.c_str(), [size](benchmark::State& state) { survivors<Subject>(state, size); });
        }
    });
    return true;
}();

}  // namespace
