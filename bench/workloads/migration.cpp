// Threads allocate and free, and pass some of their blocks to others to free:
// after the descriptions of rpmalloc's benchmark (Mattias Jansson), and of
// MicroQuill's sh6bench and sh8bench in mimalloc-bench.
#include "blocks.hpp"
#include "channel.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

/// Replaces random blocks of a thread: it frees half of the old ones, and
/// another thread frees the other half.
template <unsigned Threads>
void rptest(Measure& measure) {
    constexpr std::uint32_t live = 1'000;
    const std::uint64_t steps = measure.scaled(8'000'000 / Threads);
    Post<Threads, 4> post;
    Table<void*> blocks(live * Threads);
    measure_threads(measure, Threads, [&](unsigned self) {
        Random random(self + 30);
        Packer packer;
        unsigned next = self;
        for (std::uint64_t i = 0; i < steps; ++i) {
            void*& place = blocks[self * live + random.below(live)];
            if (place != nullptr) {
                if (random.below(2) == 0) {
                    post.add(self, drop(place));
                } else if (void* crate = packer.put(place)) {
                    next = (next + 1) % Threads;
                    post.send(self, next, crate);
                    post.receive(self);
                }
            }
            place = make(Uniform<16, 16'384>::draw(random));
        }
        if (void* crate = packer.finish()) post.send(self, self, crate);
        post.finish(self);
    });
    measure.add(steps * Threads, post.sum() + drop_all(blocks));
}

/// From 1 byte to 1000, small ones more often: half of all are below 100.
struct ShSizes {
    static std::size_t draw(Random& random) noexcept {
        return random.below(2) == 0 ? Uniform<16, 100>::draw(random)
                                    : Uniform<16, 1000>::draw(random);
    }
};

constexpr std::uint32_t sh_batch = 1'000;
constexpr std::uint32_t sh_kept_batches = 4;

/// A batch: every second block is freed at once, the newest first. The others
/// are freed some batches later, the oldest first, by `go`.
template <class Go>
class Batches {
  public:
    Batches(std::uint64_t seed, Go go) noexcept : random_(seed), go_(go) {}
    Batches(const Batches&) = delete;
    Batches& operator=(const Batches&) = delete;

    std::uint64_t run() noexcept {
        fill<ShSizes>(batch_, random_);
        std::uint64_t sum = 0;
        for (std::uint32_t i = sh_batch; i > 0; i -= 2) sum += drop(batch_[i - 1]);
        let_go(turn_);
        for (std::uint32_t i = 0; i < sh_batch; i += 2)
            kept_[turn_ * sh_batch / 2 + i / 2] = batch_[i];
        turn_ = (turn_ + 1) % sh_kept_batches;
        return sum;
    }
    void finish() noexcept {
        for (std::uint32_t i = 0; i < sh_kept_batches; ++i) let_go((turn_ + i) % sh_kept_batches);
    }

  private:
    void let_go(std::uint32_t turn) noexcept {
        for (std::uint32_t i = 0; i < sh_batch / 2; ++i) {
            void*& block = kept_[turn * sh_batch / 2 + i];
            if (block != nullptr) go_(block);
            block = nullptr;
        }
    }

    Table<void*> batch_{sh_batch};
    Table<void*> kept_{sh_kept_batches * sh_batch / 2};
    std::uint32_t turn_ = 0;
    Random random_;
    Go go_;
};

template <unsigned Threads>
void sh6(Measure& measure) {
    const std::uint64_t batches = measure.scaled(60'000'000 / sh_batch / Threads);
    Table<Sum> sums(Threads);
    measure_threads(measure, Threads, [&](unsigned self) {
        std::uint64_t sum = 0;
        Batches work(self + 31, [&sum](void* block) { sum += drop(block); });
        for (std::uint64_t i = 0; i < batches; ++i) sum += work.run();
        work.finish();
        sums[self].value = sum;
    });
    measure.add(batches * sh_batch * Threads, total(sums));
}

template <unsigned Threads>
void sh8(Measure& measure) {
    const std::uint64_t batches = measure.scaled(40'000'000 / sh_batch / Threads);
    Post<Threads, 16> post;
    measure_threads(measure, Threads, [&](unsigned self) {
        Packer packer;
        const auto pass_on = [&](void* crate) { post.send(self, (self + 1) % Threads, crate); };
        Batches work(self + 32, [&](void* block) {
            if (void* crate = packer.put(block)) pass_on(crate);
        });
        for (std::uint64_t i = 0; i < batches; ++i) {
            post.add(self, work.run());
            post.receive(self);
        }
        work.finish();
        if (void* crate = packer.finish()) pass_on(crate);
        post.finish(self);
    });
    measure.add(batches * sh_batch * Threads, post.sum());
}

constexpr char about_rptest[] =
    "random blocks of 16 bytes to 16 KiB replaced, half of them freed by another thread (Jansson)";
constexpr char about_sh6[] =
    "batches of up to 1000 bytes: half freed newest first, half later and oldest first "
    "(MicroQuill's sh6)";
constexpr char about_sh8[] = "the same, but another thread frees the later half (MicroQuill's sh8)";

constexpr Workload workloads[] = {
    {"rptest-1", "rptest", 1, rptest<1>, about_rptest},
    {"rptest-2", "rptest", 2, rptest<2>, about_rptest},
    {"rptest-4", "rptest", 4, rptest<4>, about_rptest},
    {"rptest-8", "rptest", 8, rptest<8>, about_rptest},
    {"sh6-1", "sh6", 1, sh6<1>, about_sh6},
    {"sh6-2", "sh6", 2, sh6<2>, about_sh6},
    {"sh6-4", "sh6", 4, sh6<4>, about_sh6},
    {"sh6-8", "sh6", 8, sh6<8>, about_sh6},
    {"sh8-1", "sh8", 1, sh8<1>, about_sh8},
    {"sh8-2", "sh8", 2, sh8<2>, about_sh8},
    {"sh8-4", "sh8", 4, sh8<4>, about_sh8},
    {"sh8-8", "sh8", 8, sh8<8>, about_sh8},
};

}  // namespace

Theme migration() noexcept { return theme(workloads); }

}  // namespace bench
