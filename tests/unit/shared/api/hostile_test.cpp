// Wrong words in a segment may damage the heap's content. They never lead
// outside the mapping, nor into an endless loop; the program may be aborted.
#include <fcntl.h>

#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <cstring>
#include <vector>

#include "shared/api/mapping.hpp"
#include "support/random.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;
using base::rlx;
using shared::Word;

// A wrong word that looks like a right one, more often than not.
Word any_word(Random& random) {
    switch (random.below(6)) {
        case 0: return random.next();
        case 1: return shared::UnitState::held(random.below(4096), random.below(5000000)).raw;
        case 2:
            return shared::UnitState::large(random.below(5000000), random.below(131072),
                                            random.below(4096))
                .raw;
        case 3: return shared::UnitState::owned(random.below(64), random.below(4096)).raw;
        case 4:
            return shared::Record::of(static_cast<shared::Step>(random.below(32)),
                                      random.below(1U << 22), random.below(2048), random.below(64))
                .raw;
        default: return shared::UnitState::inside(random.below(2000)).raw;
    }
}

// Changes one word of any kind, but none of the C library's mutexes.
void damage(shared::Segment& segment, Random& random) {
    const shared::UnitId unit = random.below(segment.covered());
    shared::Slot& slot = segment.slot(shared::kReservedSlots + random.below(3));
    const std::uint32_t c = random.below(base::kClasses);
    shared::Header& header = segment.header();
    switch (random.below(15)) {
        case 0:
        case 1:
        case 2: return segment.state_word(unit).store(any_word(random), rlx);
        case 3:
            return segment.bits(unit, random.below(shared::kWordsOfUnit)).store(random.next(), rlx);
        case 4:
        case 5:
            return segment.tag(unit, random.below(64))
                .store(static_cast<shared::Tag>(random.next()), rlx);
        case 6: return slot.place[c].store(any_word(random), rlx);
        case 7: return slot.mask[c].store(random.next(), rlx);
        case 8: return slot.record.store(any_word(random), rlx);
        case 9:
            return slot.argument.store(
                random.below(2) == 0 ? random.next() : random.below(1U << 30), rlx);
        case 10: return slot.size.store(random.next(), rlx);
        case 11: return header.doubts[random.below(8)].store(any_word(random), rlx);
        case 12: header.units_backed.store(static_cast<std::uint32_t>(random.next()), rlx); return;
        case 13: header.next_look.store(static_cast<std::uint32_t>(random.next()), rlx); return;
        default: static_cast<void>(segment.partial[c].insert(random.below(segment.end()))); return;
    }
}

void use(SharedHeap& heap, Random& random, std::vector<void*>& blocks) {
    for (int i = 0; i < 300; ++i) {
        const std::size_t size = random.below(8) == 0 ? random.below(300000) : random.below(3000);
        switch (random.below(12)) {
            case 0: heap.recover(); break;
            case 1: heap.trim(); break;
            case 2: static_cast<void>(heap.statistics()); break;
            case 3: static_cast<void>(heap.check()); break;
            case 4: heap.visit([](SharedHeap::Block) { return true; }); break;
            case 5: static_cast<void>(heap.doubts()); break;
            case 6:
                static_cast<void>(heap.block_at(random.next() % (std::uint64_t{1} << 27)));
                break;
            case 7:
                if (!blocks.empty()) {
                    const std::size_t at = random.below(blocks.size());
                    if (void* const moved = heap.reallocate(blocks[at], size)) blocks[at] = moved;
                }
                break;
            case 8:
                if (!blocks.empty()) {
                    heap.deallocate(blocks.back());
                    blocks.pop_back();
                }
                break;
            default:
                if (void* const block = heap.allocate(size)) {
                    if (size <= 64) std::memset(block, 1, size);
                    blocks.push_back(block);
                }
        }
    }
}

// Two children die with blocks in their hands; the third damages and uses.
int use_damaged(unsigned seed) {
    Random random(seed);
    const TemporaryName name;
    SharedHeap heap = make_heap(name);
    std::vector<void*> blocks;
    use(heap, random, blocks);
    for (unsigned i = 0; i < 2; ++i) {
        end_of(start_child([&] {
            std::vector<void*> more;
            Random own(seed + i);
            use(heap, own, more);
            raise(SIGKILL);
            return 0;
        }));
    }
    SharedHeap::remove(name);
    const int silent = open("/dev/null", O_WRONLY);
    return end_of(start_child([&] {
        dup2(silent, STDERR_FILENO);
        for (int round = 0; round < 6; ++round) {
            for (std::uint32_t k = random.below(8); k > 0; --k)
                damage(heap.mapping()->segment(), random);
            use(heap, random, blocks);
        }
        return 0;
    }));
}

TEST(SharedHeapHostile, WrongWordsAreNeverFollowedOutOfTheSegment) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        const int status = use_damaged(seed);
        const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        EXPECT_TRUE(status == 0 || aborted) << "seed " << seed << ", status " << status;
    }
}

}  // namespace
