#include "ground.hpp"

#include <algorithm>

namespace interleave {

namespace {

constexpr std::size_t kPage = 4096;

using Word = std::uint64_t;

Word& first_word(void* block) { return *static_cast<Word*>(block); }
Word& last_word(void* block, std::size_t bytes) {
    return *reinterpret_cast<Word*>(static_cast<char*>(block) + bytes - sizeof(Word));
}

// A word of the block's first page that no user writes: users read it, a purge writes it, so that the two are found to race
// also where the purge comes first.
volatile std::uint32_t& page_guard(const void* block) {
    const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(block) & ~(kPage - 1);
    return *reinterpret_cast<std::uint32_t*>(page + kPage / 2 - 12);
}

void* reserve(std::size_t bytes) noexcept { return shared(bytes, ashlar::base::kUnitSize); }
void release(void*, std::size_t) noexcept {}
bool purge(void* start, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at < bytes; at += kPage) {
        char* page = static_cast<char*>(start) + at;
        page_guard(page) = 0;
        // Looked at without an access that counts: only what is not zero is written.
        std::size_t word = 0;
        while ((word = next_not_zero(page, word, kPage)) < kPage) *reinterpret_cast<Word*>(page + word) = 0;
    }
    return true;
}

}  // namespace

constinit const ashlar::region::Source kSource{reserve, release, purge, [](void*, std::size_t) noexcept {}};

void Ledger::begin() {
    if (!begun_) std::copy(held_, held_ + first_, kept_);
    begun_ = true;
    std::copy(kept_, kept_ + first_, held_);
    count_ = first_;
}

bool Ledger::holds(const void* block) const {
    return std::any_of(held_, held_ + count_, [block](const Held& each) { return each.block == block; });
}

void Ledger::take(void* block, std::size_t bytes, bool zero) {
    const auto* start = static_cast<const char*>(block);
    for (std::size_t i = 0; i < count_; ++i) {
        const auto* other = static_cast<const char*>(held_[i].block);
        require(start + bytes <= other || other + held_[i].bytes <= start, "handed out twice");
    }
    require(count_ < kMost, "the ledger is too small for this scenario");
    [[maybe_unused]] const std::uint32_t seen = page_guard(block);
    if (zero) require(first_word(block) == 0 && last_word(block, bytes) == 0, "said to be zero, but is not");
    first_word(block) = last_word(block, bytes) = ++tags_;
    held_[count_++] = {block, bytes, tags_};
}

void Ledger::give(void* block) {
    Held* const found = std::find_if(held_, held_ + count_, [block](const Held& each) { return each.block == block; });
    require(found != held_ + count_, "the scenario gives what it does not hold");
    [[maybe_unused]] const std::uint32_t seen = page_guard(block);
    require(first_word(block) == found->tag && last_word(block, found->bytes) == found->tag, "contents have changed");
    *found = held_[--count_];
}

}  // namespace interleave

namespace ashlar::region {
std::size_t page_size() noexcept { return interleave::kPage; }
}  // namespace ashlar::region
