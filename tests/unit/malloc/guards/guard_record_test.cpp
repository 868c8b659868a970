// A record that is copied while its page is reused: a whole copy is of one
// block.
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "malloc/guards/guard_record.hpp"

namespace {

using namespace ashlar::guards;

Calls calls_of(std::uint32_t number) {
    Calls calls{number, 1 + number % Calls::kMost, {}};
    for (unsigned i = 0; i < calls.count; ++i) calls.frames[i] = number + i;
    return calls;
}

bool is_of(const Calls& calls, std::uint32_t number) {
    if (calls.thread != number || calls.count != 1 + number % Calls::kMost) return false;
    for (unsigned i = 0; i < calls.count; ++i) {
        if (calls.frames[i] != number + i) return false;
    }
    return true;
}

// Round n has block 8n, size 3n and the calls of n.
void use(Record& record, std::uint32_t n) {
    PageWord word = record.state();
    EXPECT_TRUE(record.change(word, PageWord::of(2 * n, PageState::taken)));
    record.set_block(8 * std::uintptr_t{n}, 3 * std::size_t{n}, calls_of(n));
    record.finish(record.guess().as(PageState::live));
    word = record.state();
    EXPECT_TRUE(record.change(word, word.as(PageState::freeing)));
    record.set_freed(calls_of(n));
    record.finish(PageWord::of(2 * n + 1, PageState::free));
}

TEST(GuardRecord, CopyIsWholeOnlyIfItIsOfOneBlock) {
    constexpr std::uint32_t kRounds = 1000000;
    Record record{};
    ashlar::base::Atomic<std::uint32_t> ended{};
    std::thread user([&] {
        for (std::uint32_t n = 1; n <= kRounds; ++n) use(record, n);
        ended.store(1, ashlar::base::rel);
    });
    std::uint32_t whole = 0;
    std::uint32_t torn = 0;
    while (ended.load(ashlar::base::acq) == 0) {
        const Record::Copy copy = record.copy();
        if (!copy.whole || copy.block == 0) continue;
        ++whole;
        const auto n = static_cast<std::uint32_t>(copy.block / 8);
        const bool agrees = copy.size == 3 * std::size_t{n} && copy.state.word >> 3 == n &&
                            is_of(copy.taken, n) &&
                            (copy.freed.thread == 0 || is_of(copy.freed, n));
        torn += agrees ? 0 : 1;
    }
    user.join();
    EXPECT_GT(whole, 0U);
    EXPECT_EQ(torn, 0U);
    const Record::Copy last = record.copy();
    EXPECT_TRUE(last.whole && is_of(last.freed, kRounds));
}

}  // namespace
