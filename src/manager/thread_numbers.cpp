#include "manager/thread_numbers.hpp"

#include <algorithm>

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace ashlar::manager {

namespace {

using base::Atomic;
using base::kWordBits;
using base::rlx;
using base::Word;

constinit Atomic<Word> taken[kMostNumbers / kWordBits]{};
constinit Atomic<std::uint32_t> beyond{};

constinit thread_local std::uint32_t own_number [[gnu::tls_model("initial-exec")]] = 0;

// Its destructor runs when the thread ends. Who uses a manager in a destructor that runs later gets a number once more, which
// nobody gives back.
struct End {
    bool armed = false;
    ~End() {
        const std::uint32_t number = own_number;
        own_number = 0;
        if (armed && number != 0) give_thread_number(number);
    }
};
thread_local End end;

[[gnu::cold, gnu::noinline]] std::uint32_t first_number() noexcept {
    own_number = take_thread_number();  // first: what follows may allocate
    end.armed = true;
    return own_number;
}

}  // namespace

std::uint32_t thread_number() noexcept {
    const std::uint32_t number = own_number;
    return number != 0 ? number : first_number();
}

std::uint32_t take_thread_number() noexcept {
    for (std::uint32_t w = 0; w < kMostNumbers / kWordBits; ++w) {
        for (Word seen = taken[w].load(rlx); ~seen != 0;) {  // relaxed: only a choice, the fetch_or decides
            const Word bit = base::bit(base::lowest(~seen));
            // [E37] acquire, pairs with the release in give_thread_number(): what is kept by number, as its last owner left it.
            seen = taken[w].fetch_or(bit, base::acq);
            if ((seen & bit) == 0) return w * kWordBits + base::lowest(bit) + 1;
        }
    }
    return kMostNumbers + 1 + beyond.fetch_add(1, rlx);  // relaxed: divides numbers
}

void give_thread_number(std::uint32_t number) noexcept {
    if (number == 0 || number > kMostNumbers) return;
    taken[(number - 1) / kWordBits].fetch_and(~base::bit((number - 1) % kWordBits), base::rel);  // [E37] release
}

}  // namespace ashlar::manager
