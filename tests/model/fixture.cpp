#include "fixture.hpp"

#include <algorithm>

#include "memory.hpp"

namespace interleave {

namespace {

using Word = std::uint64_t;

Word& first_word(void* block) { return *static_cast<Word*>(block); }
Word& last_word(void* block, std::size_t bytes) {
    return *reinterpret_cast<Word*>(static_cast<char*>(block) + bytes - sizeof(Word));
}

volatile std::uint32_t& page_guard(const void* block) {
    const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(block) & ~(kPageBytes - 1);
    return *reinterpret_cast<std::uint32_t*>(page + kGuardOffset);
}

}  // namespace

void Ledger::begin() {
    if (!begun_) std::copy(held_, held_ + first_, kept_);
    begun_ = true;
    std::copy(kept_, kept_ + first_, held_);
    count_ = first_;
}

bool Ledger::holds(const void* block) const {
    return std::any_of(held_, held_ + count_,
                       [block](const Held& each) { return each.block == block; });
}

void Ledger::take(void* block, std::size_t bytes, bool zero) {
    const auto* start = static_cast<const char*>(block);
    for (std::size_t i = 0; i < count_; ++i) {
        const auto* other = static_cast<const char*>(held_[i].block);
        require(start + bytes <= other || other + held_[i].bytes <= start, "handed out twice");
    }
    require(count_ < kMost, "the ledger is too small for this scenario");
    [[maybe_unused]] const std::uint32_t seen = page_guard(block);
    if (zero)
        require(first_word(block) == 0 && last_word(block, bytes) == 0,
                "a block that is reported zero is not");
    const std::uint64_t tag = ++tags_;  // another thread may run between the two stores
    first_word(block) = last_word(block, bytes) = tag;
    held_[count_++] = {block, bytes, tag};
}

void Ledger::give(void* block) {
    Held* const found = std::find_if(held_, held_ + count_,
                                     [block](const Held& each) { return each.block == block; });
    require(found != held_ + count_, "the scenario gives a block that it does not hold");
    [[maybe_unused]] const std::uint32_t seen = page_guard(block);
    require(first_word(block) == found->tag && last_word(block, found->bytes) == found->tag,
            "contents have changed");
    *found = held_[--count_];
}

}  // namespace interleave
