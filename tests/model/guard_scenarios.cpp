// Guarded pages and their records (E60, E61): pages that are reused at once,
// and records that are copied while they change.
#include "base/stack.hpp"
#include "fixture.hpp"
#include "malloc/guards/guard_report.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "support/private_member.hpp"

// Of the global namespace, as PrivateMember is.
struct PoolPages {
    using Type = std::uint32_t ashlar::guards::GuardedBlocks::*;
    friend Type member_of(PoolPages);
};
template struct PrivateMember<PoolPages, &ashlar::guards::GuardedBlocks::pages_>;

// Stacks are not explored. A report ends the program.
unsigned ashlar::base::capture_stack(std::uintptr_t*, unsigned, const void*) noexcept { return 0; }
void ashlar::guards::report_misuse(const Record::Copy&, std::uintptr_t, Call) noexcept {
    interleave::fail("a live block is reported");
}
void ashlar::guards::report_overwritten(const Record::Copy&, std::uintptr_t) noexcept {
    interleave::fail("the bytes beside a block are reported");
}

namespace {

using namespace interleave;
using ashlar::guards::Calls;
using ashlar::guards::GuardedBlocks;
using ashlar::guards::PageWord;
using ashlar::guards::Record;

constexpr std::size_t kPage = 4096;

// E60: two of four pages are free, so that the second thread reuses a page of
// the first. Blocks are whole pages: their places are not random.
struct Reuse : Scenario {
    explicit Reuse(int kept = 2) : kept_(kept) {}
    void set_up() override {
        pool_ = &shared_object<GuardedBlocks>();
        require(pool_->start(1), "no pool");
        pool_->*member_of(PoolPages{}) = 4;
        for (int i = 0; i < kept_; ++i) take();
        ledger_.remember();
    }
    void begin() override { ledger_.begin(); }
    void run(unsigned thread) override {
        for (unsigned i = 0; i <= thread; ++i) {
            void* block = take();
            if (block != nullptr) give(block);
        }
    }
    // Held pages can be accessed, and no others.
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        const std::size_t n = ledger_.count();
        require(pool_->blocks() == n && pool_->held() == n * kPage, "the counters are wrong");
        for (std::uint32_t i = 0; i < 4; ++i) {
            const std::uintptr_t page =
                pool_->range().start.load(ashlar::base::rlx) + (2 * std::size_t{i} + 1) * kPage;
            const bool is_open = page_state(page) == PageState::open;
            require(is_open == ledger_.holds(reinterpret_cast<void*>(page)),
                    "a page of no block can be accessed, or one of a block can't");
        }
    }

  protected:
    void* take() {
        void* block = pool_->take(kPage, 1);
        if (block == nullptr) return nullptr;  // too many pages are in use
        require(pool_->size_of(block) == kPage, "a block has another size");
        ledger_.take(block, kPage);
        return block;
    }
    void give(void* block) {
        ledger_.give(block);
        require(pool_->give(block), "a block is not known");
    }

  private:
    int kept_;
    GuardedBlocks* pool_ = nullptr;
    Ledger ledger_;
};
const Enrolled<Reuse> kReuse{"guards.reuse"};

// Two threads want the page that was freed first. Each gets one.
struct Claim : Reuse {
    Claim() : Reuse(1) {}
    void run(unsigned) override { require(take() != nullptr, "no page"); }
};
const Enrolled<Claim> kClaim{"guards.claim"};

// The pool is started while another thread looks for it.
struct Start : Scenario {
    void set_up() override { pool_ = &shared_object<GuardedBlocks>(); }
    void run(unsigned thread) override {
        if (thread == 0) {
            require(pool_->start(1), "no pool");
        } else if (pool_->on()) {
            void* block = pool_->take(kPage, 1);
            require(block != nullptr && pool_->contains(block), "no block");
        }
    }
    void end(unsigned) override { require(pool_->on(), "the pool is off"); }
    GuardedBlocks* pool_ = nullptr;
};
const Enrolled<Start> kStart{"guards.start"};

// A record alone. Round n has block n, size n and calls of thread n.
struct RecordScenario : Scenario {
    void set_up() override {
        record_ = &shared_object<Record>();
        use(1);
    }
    void end(unsigned) override {}

  protected:
    static Calls calls_of(std::uint32_t n) { return {n, 1, {n}}; }
    static bool is_of(const Calls& calls, std::uintptr_t n) {
        return calls.thread == n && calls.count == 1 && calls.frames[0] == n;
    }
    void use(std::uint32_t n) {
        PageWord word = record_->guess();
        require(record_->change(word, PageWord::of(2 * n, ashlar::guards::PageState::taken)),
                "another thread has the page");
        record_->set_block(n, n, calls_of(n));
        record_->finish(record_->guess().as(ashlar::guards::PageState::live));
    }
    void free(std::uint32_t n) {
        PageWord word = record_->state();
        require(record_->change(word, word.as(ashlar::guards::PageState::freeing)),
                "another thread has the page");
        record_->set_freed(calls_of(n));
        record_->finish(PageWord::of(2 * n + 1, ashlar::guards::PageState::free));
    }
    Record* record_ = nullptr;
};

// E60: a live state has its block.
struct Live : RecordScenario {
    void run(unsigned thread) override {
        if (thread == 0) {
            free(1);
            use(2);
            return;
        }
        const PageWord seen = record_->state();
        if (seen.word != PageWord::of(4, ashlar::guards::PageState::live).word) return;
        require(record_->block() == 2 && record_->size() == 2, "the block of an earlier state");
    }
};
const Enrolled<Live> kLive{"guards.live"};

// E61: a whole copy is of one block.
struct Copied : RecordScenario {
    void run(unsigned thread) override {
        if (thread == 0) {
            free(1);
            use(2);
            return;
        }
        check(record_->copy());
    }

  protected:
    static void check(const Record::Copy& copy) {
        if (!copy.whole) return;
        const std::uintptr_t n = copy.block;
        require(n == copy.state.word >> 3, "the block of another state");
        require(copy.size == n, "the size of another block");
        require(is_of(copy.taken, n), "the calls of another block");
        require(copy.freed.thread == 0 || is_of(copy.freed, n), "the free of another block");
    }
};
const Enrolled<Copied> kCopied{"guards.copy"};

// A page that no block was on has a record of zeros.
struct CopiedFirst : Copied {
    void set_up() override { record_ = &shared_object<Record>(); }
    void run(unsigned thread) override {
        if (thread == 0) return use(1);
        const Record::Copy copy = record_->copy();
        if (copy.whole && copy.block == 0) {
            require(!copy.state.used() && copy.size == 0 && copy.taken.thread == 0,
                    "a record without a block");
        } else {
            Copied::check(copy);
        }
    }
};
const Enrolled<CopiedFirst> kCopiedFirst{"guards.copy_first"};

// A free page keeps the calls of its free until it is taken again.
struct CopiedFreed : Copied {
    void set_up() override {
        Copied::set_up();
        free(1);
    }
    void run(unsigned thread) override {
        if (thread == 0) return use(2);
        Copied::run(thread);
    }
};
const Enrolled<CopiedFreed> kCopiedFreed{"guards.copy_freed"};

}  // namespace
