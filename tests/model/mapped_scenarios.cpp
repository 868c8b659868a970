// Blocks with mappings of their own (E39): places of the table are reused, and
// so are addresses, at once.
#include "fixture.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "support/private_member.hpp"

// Of the global namespace, as PrivateMember is.
struct FirstPlace {
    using Type = std::uint32_t (*)(std::uintptr_t) noexcept;
    friend Type member_of(FirstPlace);
};
template struct PrivateMember<FirstPlace, &ashlar::cache::MappedBlocks::first_place>;

namespace {

using namespace interleave;
using ashlar::cache::MappedBlocks;

constexpr std::size_t kPage = 4096;

class MappedScenario : public Scenario {
  public:
    void set_up() override {
        blocks_ = &shared_object<MappedBlocks>();
        prepare();
        pages_ = mapped_pages() - blocks_->held() / kPage;
        ledger_.remember();
    }
    void begin() override {
        system_refuses = {};
        ledger_.begin();
    }
    // The size of each held block is known. When all are given back, no mapping
    // is left.
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        system_refuses = {};
        ledger_.give_all([this](void* block, std::size_t bytes) {
            require(blocks_->size_of(block) == bytes, "a block has another size");
            require(blocks_->give(block) == bytes, "a block is not known");
        });
        require(blocks_->held() == 0, "bytes were lost");
        blocks_->visit(
            [](void*, std::size_t) noexcept { fail("the place of a freed block is still taken"); });
        require(mapped_pages() == pages_, "pages were lost");
    }

  protected:
    virtual void prepare() {}
    MappedBlocks& blocks() { return *blocks_; }
    void* take(std::size_t bytes) { return note(blocks_->take(bytes, 1), bytes); }
    void* note(void* block, std::size_t bytes) {
        require(block != nullptr, "no memory");
        require(blocks_->size_of(block) == bytes, "a block has another size");
        ledger_.take(block, bytes, true);
        return block;
    }
    void give(void* block) {
        const std::size_t bytes = blocks_->size_of(block);
        ledger_.give(block);
        require(blocks_->give(block) == bytes, "a block is not known");
    }
    // Moves the content too. Returns the new address.
    void* resize(void* block, std::size_t size) {
        const std::size_t before = blocks_->size_of(block);
        ledger_.give(block);
        const std::uint64_t first = *static_cast<std::uint64_t*>(block);
        void* now = blocks_->resize(block, size);
        void* at = now != nullptr ? now : block;
        require(*static_cast<std::uint64_t*>(at) == first, "the content was lost");
        const std::size_t bytes = blocks_->size_of(at);
        require(now != nullptr ? bytes >= size : bytes == before, "the size is another one");
        ledger_.take(at, bytes);
        return now;
    }
    // Leaves two pages free for the next mappings, whose blocks begin their
    // search at the same place.
    void leave_two_that_meet() {
        const auto first_place = member_of(FirstPlace{});
        const auto base = reinterpret_cast<std::uintptr_t>(ashlar::region::map(kPage));
        std::uintptr_t other = base + kPage;
        while (first_place(other) != first_place(base)) other += kPage;
        require(ashlar::region::map(other - base - kPage) != nullptr, "too far apart");
        ashlar::region::unmap(reinterpret_cast<void*>(base), kPage);
    }
    Ledger ledger_;

  private:
    MappedBlocks* blocks_ = nullptr;
    std::size_t pages_ = 0;
};

// Blocks are mapped and unmapped, and begin their search at the same place.
struct Places : MappedScenario {
    Places() { threads = 3; }
    void prepare() override { leave_two_that_meet(); }
    void run(unsigned thread) override {
        void* block = take(kPage);
        if (thread == 2) return;
        give(block);
        if (thread == 0) take(kPage);
    }
};
const Enrolled<Places> kPlaces{"mapped.places"};

// Of two frees of one block exactly one succeeds.
struct GiveTwice : MappedScenario {
    void prepare() override { block_ = take(kPage); }
    void begin() override {
        MappedScenario::begin();
        ledger_.give(block_);
        given_ = 0;
    }
    void run(unsigned) override { given_ += blocks().give(block_) != 0 ? 1 : 0; }
    void end(unsigned stopped) override {
        require(given_ == 1, "a block was freed twice, or not at all");
        MappedScenario::end(stopped);
    }
    void* block_ = nullptr;
    int given_ = 0;
};
const Enrolled<GiveTwice> kGiveTwice{"mapped.give_twice"};

// A block is unmapped, and others of another size get its address.
struct Again : MappedScenario {
    Again() { threads = 3; }
    void prepare() override { block_ = take(kPage); }
    void run(unsigned thread) override {
        if (thread == 0) return give(block_);
        void* block = take(thread * kPage);
        if (thread == 2) give(block);
    }
    void* block_ = nullptr;
};
const Enrolled<Again> kAgain{"mapped.again"};

// A thread that asks for the size at another thread's address gets a size that
// was true at some moment.
struct Asked : MappedScenario {
    void prepare() override {
        block_ = take(kPage);
        give(block_);
        void* longer = take(3 * kPage);
        require(longer == block_, "another address");
        give(longer);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take(kPage);
        } else {
            const std::size_t around = blocks().around(static_cast<char*>(block_) + 100);
            require(around == 0 || around == kPage, "the size of an earlier block");
            const std::size_t bytes = blocks().size_of(block_);
            require(bytes == 0 || bytes == kPage, "the size of an earlier block");
        }
    }
    void* block_ = nullptr;
};
const Enrolled<Asked> kAsked{"mapped.asked"};

// The same, while a block moves there.
struct AskedMoved : MappedScenario {
    void prepare() override {
        block_ = take(2 * kPage);
        target_ = take(3 * kPage);
        give(target_);
    }
    void begin() override {
        MappedScenario::begin();
        system_refuses.growth = true;
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            require(resize(block_, 3 * kPage) == target_, "another address");
        } else {
            const std::size_t around = blocks().around(static_cast<char*>(target_) + 100);
            require(around == 0 || around == 4 * kPage, "the size of an earlier block");
        }
    }
    void* block_ = nullptr;
    void* target_ = nullptr;
};
const Enrolled<AskedMoved> kAskedMoved{"mapped.asked_moved"};

// A block moves, and another one gets its old address.
struct Move : MappedScenario {
    void prepare() override { block_ = take(2 * kPage); }
    void begin() override {
        MappedScenario::begin();
        system_refuses.growth = true;
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            require(resize(block_, 3 * kPage) != nullptr, "no memory");
        } else {
            void* block = take(kPage);
            give(block);
            take(kPage);
        }
    }
    void* block_ = nullptr;
};
const Enrolled<Move> kMove{"mapped.move"};

// The system refuses to move a block after it unmapped the target. Another
// thread that got those addresses meanwhile keeps them.
struct MoveRefused : Move {
    void begin() override {
        Move::begin();
        system_refuses.move = true;
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            require(resize(block_, 3 * kPage) == nullptr, "moved, although the system refuses");
        } else {
            for (int i = 0; i < 2; ++i) take(3 * kPage);
        }
    }
};
const Enrolled<MoveRefused> kMoveRefused{"mapped.move_refused"};

// A block grows in place or moves while others look for free pages.
struct Grow : MappedScenario {
    void run(unsigned thread) override {
        if (thread == 0) {
            void* block = take(8 * kPage);
            block = resize(block, 9 * kPage);
            require(block != nullptr && resize(block, 20 * kPage) != nullptr, "no memory");
        } else {
            take(kPage);
            take(kPage);
        }
    }
};
const Enrolled<Grow> kGrow{"mapped.grow"};

// A block shrinks, and others get the pages behind it.
struct Shrink : MappedScenario {
    static constexpr std::size_t kBytes = std::size_t{1} << 20;
    void run(unsigned thread) override {
        if (thread == 0) {
            void* block = take(kBytes);
            require(resize(block, kBytes / 2) == block, "a block that shrinks moves");
            give(block);
        } else {
            take(kBytes / 2);
            take(kPage);
        }
    }
};
const Enrolled<Shrink> kShrink{"mapped.shrink"};

// A thread stops for ever in the middle of an operation: the others keep their
// blocks.
struct Stopped : Again {
    Stopped() { may_freeze = true; }
};
const Enrolled<Stopped> kStopped{"mapped.stopped"};

}  // namespace
