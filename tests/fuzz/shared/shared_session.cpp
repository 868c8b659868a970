#include "shared_session.hpp"

#include <algorithm>
#include <cstring>

namespace fuzz {

using ashlar::base::rlx;
using ashlar::shared::Record;

namespace {

constexpr std::size_t kMostSteps = 1000;

// At edges of classes, units and the heap.
constexpr std::size_t kSizes[] = {0,     1,     16,    32,    64,     100,    512,    1000,
                                  2048,  4096,  5000,  8192,  12000,  16384,  20000,  32768,
                                  32769, 40000, 65536, 65537, 131072, 200000, 600000, 2400000};

}  // namespace

std::size_t SharedSession::choose_size() {
    const std::size_t kind = in_.byte();
    if (kind >= 250) return in_.word();
    return kSizes[kind % std::size(kSizes)] + (kind >= 200 ? 1 : 0);
}

// Most operations are not cut. Those that look at the whole heap take thousands
// of changes, others a few dozen.
std::size_t SharedSession::choose_cut() {
    const std::size_t kind = in_.byte();
    if (kind < 150) return 0;
    return kind < 250 ? kind - 149 : 1 + in_.word() % 4096;
}

// A running thread, or 0. A thread that was cut dies first, or stays as it is
// for this step.
SlotId SharedSession::choose_thread() {
    const std::size_t choice = in_.byte();
    const SlotId thread = 1 + static_cast<SlotId>(choice % (SharedWorld::kThreads - 1));
    if (world_.life(thread) == Life::running) return thread;
    if (world_.life(thread) == Life::stopped && choice >= 128) world_.kill(thread);
    return world_.life(thread) != Life::stopped && world_.attach(thread) ? thread : 0;
}

void SharedSession::step() {
    const std::size_t kind = in_.byte() % 24;
    thread_ = choose_thread();
    if (thread_ == 0) return;
    cut_ = choose_cut();
    switch (kind) {
        case 0:
        case 1:
        case 2: return allocate();
        case 3: return allocate_many();
        case 4:
        case 5:
        case 6: return deallocate();
        case 7: return deallocate_many();
        case 8: return deallocate_wrongly();
        case 9:
        case 10: return reallocate();
        case 11:
        case 12: return allocate_to();
        case 13:
        case 14: return deallocate_from();
        case 15:
        case 16: return recover();
        case 17: return leave();
        case 18: return trim();
        case 19:
        case 20: return use_name();
        case 21: return settle();
        case 22:
            if (may_damage_) return damage();
            world_.room = in_.byte() % SharedWorld::kUnits;
            return;
        default: return world_.kill(thread_);
    }
}

void SharedSession::run() {
    world_.begin();
    may_damage_ = in_.byte() >= 192;
    table_ = world_.blocks(1).allocate(world_.me(SharedWorld::kLast), kPlaces * sizeof(Word), 16);
    require(table_ != 0, "no room in an empty heap");
    std::memset(world_.address<void>(1, table_), 0, kPlaces * sizeof(Word));
    for (std::size_t i = 0; in_.goes_on() && i < kMostSteps; ++i) step();
    world_.damaged ? end_of_damaged() : end();
}

// -------------------------------------------------------------- what is known

void SharedSession::hold(Offset start, std::size_t size) {
    require(start < world_.bytes() && size <= world_.bytes() - start, "a block outside the file");
    if (world_.damaged) return held_.push_back({start, size, 0, false});
    require(world_.has_pages(start, size), "a block without pages");
    ++stamp_;
    std::memset(world_.address<void>(thread_, start), stamp_, std::min<std::size_t>(size, 64));
    if (size > 64) std::memset(world_.address<void>(thread_, start + size - 64), stamp_, 64);
    held_.push_back({start, size, stamp_, true});
}

void SharedSession::look(const Held& held) {
    if (world_.damaged) return;
    const Blocks::Found found = world_.blocks(thread_).find(held.start);
    require(found.fault == Fault::none && found.start == held.start, "a held block is not live");
    require(found.size == held.size, "a held block has another size");
    if (!held.is_written) return;
    const auto* const bytes = world_.address<unsigned char>(thread_, held.start);
    const std::size_t edge = std::min<std::size_t>(held.size, 64);
    const auto is_right = [&](unsigned char each) { return each == held.stamp; };
    require(std::all_of(bytes, bytes + edge, is_right) &&
                std::all_of(bytes + held.size - edge, bytes + held.size, is_right),
            "a held block has lost its content");
}

SharedSession::Held SharedSession::take_out(std::size_t at) {
    const Held taken = held_[at];
    held_[at] = held_.back();
    held_.pop_back();
    look(taken);
    return taken;
}

// ----------------------------------------------------------------- operations

void SharedSession::allocate() {
    const std::size_t size = choose_size();
    const std::size_t alignment = std::size_t{16} << in_.below(24) % 13;
    if (held_.size() >= kMostHeld) return;
    Offset block = 0;
    if (!run([&] {
            block = world_.blocks(thread_).allocate(world_.me(thread_), size, alignment);
        })) {
        ++unknown_;
        return;
    }
    expect(block % alignment == 0, "a block at another alignment");
    if (block != 0) hold(block, size);
}

// Enough of one size to use words and slabs up.
void SharedSession::allocate_many() {
    const std::size_t size = choose_size();
    const std::size_t cut = cut_;
    cut_ = 0;
    for (std::size_t count = in_.byte(); count > 0 && held_.size() < kMostHeld; --count) {
        Offset block = 0;
        if (count == 1) cut_ = cut;
        if (!run([&] { block = world_.blocks(thread_).allocate(world_.me(thread_), size, 16); })) {
            ++unknown_;
            return;
        }
        if (block == 0) return;
        hold(block, size);
    }
}

void SharedSession::deallocate() {
    if (held_.empty()) return;
    const Held held = take_out(in_.word() % held_.size());
    Fault fault = Fault::none;
    if (!run([&] { fault = world_.blocks(thread_).deallocate(world_.me(thread_), held.start); }))
        return limbo_.push_back({held.start, held.size, held.size});
    expect(fault == Fault::none, "a live block cannot be freed");
}

void SharedSession::deallocate_many() {
    std::size_t count = in_.byte();
    const std::size_t from = in_.word();
    for (; count > 0 && !held_.empty(); --count) {
        const Held held = take_out(from % held_.size());
        if (!run([&] {
                static_cast<void>(
                    world_.blocks(thread_).deallocate(world_.me(thread_), held.start));
            }))
            return limbo_.push_back({held.start, held.size, held.size});
    }
}

// Inside a block, anywhere, and twice.
void SharedSession::deallocate_wrongly() {
    const std::size_t kind = in_.byte();
    if (held_.empty()) return;
    const std::size_t at = in_.word() % held_.size();
    Fault fault = Fault::none;
    const auto free = [&](Offset offset) {
        return run([&] { fault = world_.blocks(thread_).deallocate(world_.me(thread_), offset); });
    };
    if (kind % 2 == 0) {
        const Offset inside = held_[at].start + 1 + kind % 31;
        if (held_[at].size < 32 || !free(inside)) return;
        expect(fault == Fault::interior || fault == Fault::foreign, "an interior free is done");
        look(held_[at]);
        return;
    }
    cut_ = 0;  // a double free that waits meets the block's next life
    const Held held = take_out(at);
    free(held.start);
    expect(fault == Fault::none, "a live block cannot be freed");
    free(held.start);
    expect(fault != Fault::none, "a double free is done");
}

// As SharedHeap::reallocate().
void SharedSession::reallocate() {
    const std::size_t size = choose_size();
    if (held_.empty()) return;
    const Held held = take_out(in_.word() % held_.size());
    const Owner me = world_.me(thread_);
    Blocks& blocks = world_.blocks(thread_);
    Offset now = 0;
    bool resized = false;
    const bool done = run([&] {
        resized = blocks.resize(me, held.start, size) != 0;
        now = resized ? held.start : blocks.allocate(me, size, 16);
        if (resized || now == 0) return;
        me.slot.moved.store(me.slot.record.load(rlx), rlx);
        static_cast<void>(blocks.deallocate(me, held.start));
        me.note({me.slot.moved.load(rlx)});
        me.slot.moved.store(0, rlx);
    });
    if (!done) {
        ++unknown_;
        limbo_.push_back({held.start, held.size, size});
    } else if (now == 0) {
        held_.push_back(held);
    } else {
        hold(now, size);
    }
}

void SharedSession::allocate_to() {
    const std::size_t i = in_.below(kPlaces);
    const std::size_t size = choose_size();
    Place& mine = places_[i];
    if (!world_.damaged && (mine.storing || word(place(i)) != 0)) return;
    const std::size_t before = mine.size;
    mine.size = size;
    Offset block = 0;
    if (!run([&] {
            block = world_.blocks(thread_).allocate_to(world_.me(thread_), place(i), size, 16);
        })) {
        mine.storing = mine.unsure = true;
        return;
    }
    if (block == 0) {
        mine.size = before;
        return;
    }
    require(block < world_.bytes(), "a block outside the file");
    require(world_.damaged || word(place(i)) == block, "a block is not stored");
}

void SharedSession::deallocate_from() {
    const std::size_t i = in_.below(kPlaces);
    Place& mine = places_[i];
    Fault fault = Fault::none;
    const bool named = !world_.damaged && word(place(i)) != 0;
    if (!run([&] {
            fault = world_.blocks(thread_).deallocate_from(world_.me(thread_), place(i));
        })) {
        mine.unsure = true;
        return;
    }
    expect(fault == (named ? Fault::none : Fault::gone) || (mine.unsure && fault == Fault::gone),
           "a place is freed wrongly");
}

// By any thread; some of it may be left for later.
void SharedSession::recover() {
    if (in_.byte() < 64) {
        run([&] {
            world_.me(thread_).note(Record::none());
            world_.recovery(thread_).look(world_.me(thread_));
        });
        return;
    }
    run([&] {
        world_.me(thread_).note(Record::none());
        world_.recovery(thread_).recover(world_.me(thread_));
    });
    check();
}

void SharedSession::leave() {
    if (run([&] { world_.blocks(thread_).slabs().leave_all(world_.me(thread_)); }))
        world_.detach(thread_);
}

void SharedSession::trim() {
    const auto most = static_cast<std::uint32_t>(in_.byte());
    run([&] {
        Blocks& blocks = world_.blocks(thread_);
        world_.me(thread_).note(Record::none());
        blocks.slabs().retire(world_.me(thread_), most);
        blocks.runs().punch(thread_, most);
    });
}

// The program frees unknown blocks in doubt, and settles those that it knows.
void SharedSession::settle() {
    if (world_.is_cut() || world_.damaged) return;
    const Live unknown = check();
    for (const Offset each : in_doubt()) {
        if (unknown.count(each) == 0) {
            require(world_.recovery(thread_).doubts().settle(each), "a doubt cannot be settled");
        } else {
            require(world_.blocks(thread_).deallocate(world_.me(thread_), each) == Fault::none,
                    "a block in doubt cannot be freed");
        }
    }
    require(in_doubt().empty(), "a doubt is left");
    unknown_ = 0;
}

}  // namespace fuzz
