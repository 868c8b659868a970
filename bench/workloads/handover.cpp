// Another thread frees each block: a pipe, all to all, several producers and
// consumers.
#include "blocks.hpp"
#include "measure.hpp"
#include "ring.hpp"
#include "team.hpp"

namespace bench {
namespace {

using Pipe = Ring<1024, 32>;
using Mailbox = Ring<128, 32>;

struct alignas(128) Sum {
    std::uint64_t value;
};

template <class Sizes, class Box>
void send_batch(Box& box, Random& random) noexcept {
    for (std::size_t i = 0; i < Box::batch; ++i) box.put(make(Sizes::draw(random)));
    box.publish();
}

template <class Box>
bool receive(Box& box, Sum& sum) noexcept {
    return box.take([&sum](void* block) { sum.value += drop(block); }) != 0;
}

/// Half of the threads allocate, the other half free; each producer serves
/// every consumer in turn.
template <class Sizes, unsigned Producers>
void produce(Measure& measure) {
    const std::uint64_t batches = measure.scaled(4'000'000 / Pipe::batch / Producers);
    Table<Pipe> pipes(Producers * Producers);
    Table<Sum> sums(Producers);
    std::atomic<unsigned> producing{Producers};
    measure_threads(measure, 2 * Producers, [&](unsigned number) {
        const unsigned self = number / 2;
        if (number % 2 == 0) {
            Random random(number + 5);
            for (std::uint64_t i = 0; i < batches; ++i) {
                Pipe& pipe = pipes[self * Producers + i % Producers];
                while (!pipe.has_room()) sched_yield();
                send_batch<Sizes>(pipe, random);
            }
            producing.fetch_sub(1, std::memory_order_release);
            return;
        }
        for (;;) {
            const bool last = producing.load(std::memory_order_acquire) == 0;
            bool any = false;
            for (unsigned i = 0; i < Producers; ++i)
                any |= receive(pipes[i * Producers + self], sums[self]);
            if (last) return;
            if (!any) sched_yield();
        }
    });
    for (const Sum& sum : sums) measure.add(0, sum.value);
    measure.add(batches * Pipe::batch * Producers, 0);
}

/// Every thread allocates, posts each batch to another thread at random, and
/// frees the batches in its own mailboxes.
template <unsigned Threads>
class Exchange {
  public:
    explicit Exchange(std::uint64_t batches) noexcept : batches_(batches) {}

    void operator()(unsigned self) noexcept {
        Random random(self + 6);
        for (std::uint64_t i = 0; i < batches_; ++i) {
            const unsigned other = (self + 1 + random.below(Threads - 1)) % Threads;
            Mailbox& box = boxes_[self * Threads + other];
            bool received = empty_mailboxes(self);
            while (!box.has_room()) {
                if (!received) sched_yield();
                received = empty_mailboxes(self);
            }
            send_batch<Uniform<16, 512>>(box, random);
        }
        posting_.fetch_sub(1, std::memory_order_release);
        while (posting_.load(std::memory_order_acquire) != 0) {
            if (!empty_mailboxes(self)) sched_yield();
        }
        empty_mailboxes(self);
    }

    [[nodiscard]] std::uint64_t sum() noexcept {
        std::uint64_t total = 0;
        for (const Sum& sum : sums_) total += sum.value;
        return total;
    }

  private:
    bool empty_mailboxes(unsigned self) noexcept {
        bool any = false;
        for (unsigned i = 0; i < Threads; ++i)
            any |= receive(boxes_[i * Threads + self], sums_[self]);
        return any;
    }

    std::uint64_t batches_;
    Table<Mailbox> boxes_{Threads * Threads};
    Table<Sum> sums_{Threads};
    std::atomic<unsigned> posting_{Threads};
};

template <unsigned Threads>
void exchange(Measure& measure) {
    const std::uint64_t batches = measure.scaled(4'000'000 / Mailbox::batch / Threads);
    Exchange<Threads> body(batches);
    measure_threads(measure, Threads, [&body](unsigned self) { body(self); });
    measure.add(batches * Mailbox::batch * Threads, body.sum());
}

constexpr char about_exchange[] =
    "every thread allocates for the others and frees the blocks that it gets, 16 to 512 bytes";

constexpr Workload workloads[] = {
    {"producer-consumer-64", "producer-consumer", 2, produce<Fixed<64>, 1>,
     "one thread allocates 64 bytes each, another frees them, over a ring of 1,024"},
    {"producer-consumer-512", "producer-consumer", 2, produce<Fixed<512>, 1>,
     "one thread allocates 512 bytes each, another frees them, over a ring of 1,024"},
    {"producers-2-consumers-2", "producers", 4, produce<Uniform<16, 512>, 2>,
     "two threads allocate, each for both of the two that free, 16 to 512 bytes"},
    {"producers-4-consumers-4", "producers", 8, produce<Uniform<16, 512>, 4>,
     "four threads allocate, each for all of the four that free, 16 to 512 bytes"},
    {"exchange-2", "exchange", 2, exchange<2>, about_exchange},
    {"exchange-4", "exchange", 4, exchange<4>, about_exchange},
    {"exchange-8", "exchange", 8, exchange<8>, about_exchange},
};

}  // namespace

Theme handover() noexcept { return theme(workloads); }

}  // namespace bench
