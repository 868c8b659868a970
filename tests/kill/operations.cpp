#include "operations.hpp"

namespace kills {
namespace {

using ashlar::base::rlx;

// A slab has 64 blocks, one word.
constexpr std::size_t kMiddle = 1000;
constexpr std::uint32_t kOfMiddle = 64;
// A slab has 146 blocks, three words.
constexpr std::size_t kSmall = 440;
constexpr std::uint32_t kWord = 64;
// A slab has more than one unit.
constexpr std::size_t kWide = 10000;
constexpr std::size_t kUnit = std::size_t{1} << 16;

// ---------------------------------------------------------------- preparations

void keep_three_small(Actor& a) { a.keep(kSmall, 3); }
void keep_five_small(Actor& a) { a.keep(kSmall, 5); }
void keep_a_small_word(Actor& a) { a.keep(kSmall, kWord); }
void keep_a_middle_slab(Actor& a) { a.keep(kMiddle, kOfMiddle); }
void drop_five(Actor& a) { a.drop(0, 5); }
// One slab of middle blocks is partial, and nobody owns it.
void share_partial(Actor& a) {
    a.keep(kMiddle, kOfMiddle + 1);
    a.drop(0, 10);
}
// The same after another thread has noted blocks.
void share_another_partial(Actor& a) {
    const std::uint32_t before = a.notes().count;
    a.keep(kMiddle, kOfMiddle + 1);
    a.drop(before, before + 10);
}
// The last blocks of the first 16 units.
void fill_covered(Actor& a) { a.keep(kUnit, 15); }
void keep_three_large(Actor& a) { a.keep(3 * kUnit - 100, 3); }
void drop_large(Actor& a) { a.drop(0, 2); }
// All units are in use; three are complete slabs.
void fill_but_complete(Actor& a) {
    a.keep(kMiddle, 3 * kOfMiddle + 1);
    while (const Offset got = a.blocks().allocate(a.me(), kUnit, 16))
        a.notes().live[a.notes().count++] = {got, kUnit};
    a.drop(0, 3 * kOfMiddle);
}
// Two complete slabs, and free units with pages.
void complete_and_free(Actor& a) {
    a.keep(kMiddle, 2 * kOfMiddle + 1);
    a.drop(0, 2 * kOfMiddle);
    a.keep(3 * kUnit, 2);
    a.drop(1, 2);
}
void fill_all(Actor& a) {
    for (const std::size_t size : {kUnit, kMiddle}) {
        while (const Offset got = a.blocks().allocate(a.me(), size, 16))
            a.notes().live[a.notes().count++] = {got, size};
    }
}
void keep_small_and_aim(Actor& a) {
    a.keep(kSmall, 5);
    a.aim(2);
}
// Blocks of another thread's slab that this one freed; one more is the target.
void keep_spares_and_aim(Actor& a) {
    a.drop(0, 3);
    a.aim(0);
}
void keep_spares(Actor& a) { a.drop(0, 3); }
void keep_words_and_aim(Actor& a) {
    a.keep(kSmall, kWord + 3);
    a.aim(2);
}
// The target is in a full slab that nobody owns.
void aim_at_full(Actor& a) {
    a.keep(kMiddle, kOfMiddle + 1);
    a.aim(7);
}
void aim_at_partial(Actor& a) {
    share_partial(a);
    a.aim(7);
}
// The target is the last live block of a slab that nobody owns.
void aim_at_last(Actor& a) {
    a.keep(kMiddle, kOfMiddle + 1);
    a.drop(1, kOfMiddle);
    a.aim(0);
}
// One more complete slab than may be kept, once the target is freed.
void aim_at_one_too_many(Actor& a) {
    constexpr std::uint32_t kSlabs = 33;
    a.keep(kMiddle, kSlabs * kOfMiddle + 1);
    a.drop(1, kSlabs * kOfMiddle);
    a.aim(0);
}
void aim_at_large(Actor& a) {
    keep_three_large(a);
    a.aim(1);
}
// As if many free units had pages: a free then punches its own.
void aim_at_large_to_punch(Actor& a) {
    aim_at_large(a);
    a.view().segment().header().units_backed.store(100000, rlx);
}
// As if some free units had pages for a while: a free then takes those of units
// that are aged already.
void aim_at_large_to_age(Actor& a) {
    aim_at_large(a);
    a.view().segment().header().units_backed.store(500, rlx);
    a.blocks().runs().age(a.id());
    a.view().segment().header().frees.store(~0U, rlx);
}
void aim_at_last_large(Actor& a) {
    keep_three_large(a);
    a.aim(2);
}
void resize_by(Actor& a, std::size_t size) { a.notes().size = size; }
void aim_to_grow(Actor& a) {
    aim_at_last_large(a);
    resize_by(a, 7 * kUnit - 5);
}
void aim_to_grow_past_covered(Actor& a) {
    a.keep(2 * kUnit, 7);
    a.aim(6);
    resize_by(a, 9 * kUnit);
}
void aim_to_shrink(Actor& a) {
    aim_at_large(a);
    resize_by(a, kUnit + 5);
}
void aim_to_change_size(Actor& a) {
    keep_small_and_aim(a);
    resize_by(a, kSmall - 20);
}
void aim_to_move(Actor& a) {
    keep_small_and_aim(a);
    resize_by(a, kMiddle);
}
void aim_to_move_large(Actor& a) {
    aim_at_large(a);
    resize_by(a, 5 * kUnit);
}
// A place in a block that stays.
void make_place(Actor& a) {
    a.notes().pinned = {a.take(kWide), kWide};
    a.notes().place = a.notes().pinned.at + 64;
    a.view().word(a.notes().place) = 0;
}
void place_at_target(Actor& a) { a.view().word(a.notes().place) = a.notes().target.at; }

template <void (*first)(Actor&)>
void then_place(Actor& a) {
    first(a);
    make_place(a);
}
template <void (*first)(Actor&)>
void then_target(Actor& a) {
    make_place(a);
    first(a);
    place_at_target(a);
}
template <std::size_t size>
void of_size(Actor& a) {
    a.notes().size = size;
}

// ------------------------------------------------------------------ operations

template <std::size_t size>
void allocate(Actor& a) {
    static_cast<void>(a.blocks().allocate(a.me(), size, 16));
}
template <std::size_t size>
void allocate_to(Actor& a) {
    static_cast<void>(a.blocks().allocate_to(a.me(), a.notes().place, size, 16));
}
void deallocate(Actor& a) { static_cast<void>(a.blocks().deallocate(a.me(), a.notes().target.at)); }
void deallocate_from(Actor& a) {
    static_cast<void>(a.blocks().deallocate_from(a.me(), a.notes().place));
}
void resize(Actor& a) {
    static_cast<void>(a.blocks().resize(a.me(), a.notes().target.at, a.notes().size));
}
// As SharedHeap::reallocate().
void reallocate(Actor& a) {
    const Offset made = a.blocks().allocate(a.me(), a.notes().size, 16);
    if (made == 0) return;
    Slot& slot = a.me().slot;
    slot.moved.store(slot.record.load(rlx), rlx);
    ashlar::base::compiler_fence();
    static_cast<void>(a.blocks().deallocate(a.me(), a.notes().target.at));
    a.me().note({slot.moved.load(rlx)});
    slot.moved.store(0, rlx);
}
void attach(Actor& a) { a.attach(); }
void detach(Actor& a) { a.detach(); }
void trim(Actor& a) {
    a.blocks().slabs().retire(a.me(), ~0U);
    a.blocks().runs().punch(a.id(), ~0U);
}
void recover(Actor& a) { static_cast<void>(a.recovery().recover(a.me())); }

void work(Actor& a) {
    Offset taken[12] = {};
    std::uint32_t count = 0;
    for (const std::size_t size : {kSmall, kMiddle, kWide, kUnit, 3 * kUnit}) {
        taken[count++] = a.blocks().allocate(a.me(), size, 16);
        taken[count++] = a.blocks().allocate(a.me(), size, 16);
    }
    for (const Offset block : taken) {
        if (block != 0) static_cast<void>(a.blocks().deallocate(a.me(), block));
    }
    recover(a);
    a.blocks().slabs().leave_all(a.me());
    a.blocks().slabs().retire(a.me(), ~0U);
}

// ----------------------------------------------------------------------- table

constexpr Operation kOperations[] = {
    {"allocate-hit", Effect::takes, kSmall, nullptr, keep_three_small, nullptr, allocate<kSmall>},
    {"allocate-first", Effect::takes, kSmall, nullptr, nullptr, nullptr, allocate<kSmall>},
    {"allocate-next-word", Effect::takes, kSmall, nullptr, keep_a_small_word, nullptr,
     allocate<kSmall>},
    {"allocate-same-word", Effect::takes, kMiddle, nullptr, keep_a_middle_slab, drop_five,
     allocate<kMiddle>},
    {"allocate-create", Effect::takes, kMiddle, nullptr, keep_a_middle_slab, nullptr,
     allocate<kMiddle>},
    {"allocate-create-wide", Effect::takes, kWide, nullptr, nullptr, nullptr, allocate<kWide>},
    {"allocate-claim", Effect::takes, kMiddle, share_partial, nullptr, nullptr, allocate<kMiddle>},
    {"allocate-leave-claim", Effect::takes, kMiddle, nullptr, keep_a_middle_slab,
     share_another_partial, allocate<kMiddle>},
    {"allocate-grow", Effect::takes, kMiddle, nullptr, fill_covered, nullptr, allocate<kMiddle>},
    {"allocate-retire", Effect::takes, kSmall, fill_but_complete, nullptr, nullptr,
     allocate<kSmall>, true},
    {"allocate-full", Effect::takes, kMiddle, nullptr, fill_all, nullptr, allocate<kSmall>, true},
    {"large-first", Effect::takes, kMiddle, nullptr, nullptr, nullptr, allocate<3 * kUnit>},
    {"large-again", Effect::takes, kMiddle, nullptr, keep_three_large, drop_large,
     allocate<5 * kUnit>},
    {"large-grow", Effect::takes, kMiddle, nullptr, fill_covered, nullptr, allocate<20 * kUnit>},
    {"large-retire", Effect::takes, kSmall, fill_but_complete, nullptr, nullptr,
     allocate<2 * kUnit>, true},
    {"free-own-word", Effect::frees, kSmall, nullptr, keep_small_and_aim, nullptr, deallocate},
    {"free-other-word", Effect::frees, kSmall, nullptr, keep_words_and_aim, nullptr, deallocate},
    {"free-others-word", Effect::frees, kSmall, keep_small_and_aim, nullptr, nullptr, deallocate},
    {"free-spare", Effect::frees, kSmall, keep_five_small, keep_spares_and_aim, nullptr,
     deallocate},
    {"allocate-spare", Effect::takes, kSmall, keep_five_small, keep_spares, nullptr,
     allocate<kSmall>},
    {"detach-spares", Effect::none, kSmall, keep_five_small, keep_spares, nullptr, detach},
    {"free-into-full", Effect::frees, kMiddle, aim_at_full, nullptr, nullptr, deallocate},
    {"free-into-own-full", Effect::frees, kMiddle, nullptr, aim_at_full, nullptr, deallocate},
    {"free-into-partial", Effect::frees, kMiddle, aim_at_partial, nullptr, nullptr, deallocate},
    {"free-completes", Effect::frees, kMiddle, aim_at_last, nullptr, nullptr, deallocate},
    {"free-retires", Effect::frees, kMiddle, aim_at_one_too_many, nullptr, nullptr, deallocate},
    {"free-large", Effect::frees, kMiddle, nullptr, aim_at_large, nullptr, deallocate},
    {"free-others-large", Effect::frees, kMiddle, aim_at_large, nullptr, nullptr, deallocate},
    {"free-large-punch", Effect::frees, kMiddle, nullptr, aim_at_large_to_punch, nullptr,
     deallocate},
    {"free-large-age", Effect::frees, kMiddle, nullptr, aim_at_large_to_age, nullptr, deallocate},
    {"resize-large-up", Effect::resizes, kMiddle, nullptr, aim_to_grow, nullptr, resize},
    {"resize-large-grow", Effect::resizes, kMiddle, nullptr, aim_to_grow_past_covered, nullptr,
     resize},
    {"resize-large-down", Effect::resizes, kMiddle, nullptr, aim_to_shrink, nullptr, resize},
    {"resize-small", Effect::resizes, kSmall, nullptr, aim_to_change_size, nullptr, resize},
    {"reallocate-small", Effect::moves, kSmall, nullptr, aim_to_move, nullptr, reallocate},
    {"reallocate-large", Effect::moves, kMiddle, nullptr, aim_to_move_large, nullptr, reallocate},
    {"allocate_to-hit", Effect::takes_to, kSmall, of_size<kSmall>, then_place<keep_three_small>,
     nullptr, allocate_to<kSmall>},
    {"allocate_to-first", Effect::takes_to, kSmall, of_size<kSmall>, make_place, nullptr,
     allocate_to<kSmall>},
    {"allocate_to-large", Effect::takes_to, kMiddle, of_size<3 * kUnit>, make_place, nullptr,
     allocate_to<3 * kUnit>},
    {"free_from-own-word", Effect::frees_from, kSmall, nullptr, then_target<keep_small_and_aim>,
     nullptr, deallocate_from},
    {"free_from-into-full", Effect::frees_from, kMiddle, then_target<aim_at_full>, nullptr, nullptr,
     deallocate_from},
    {"free_from-completes", Effect::frees_from, kMiddle, then_target<aim_at_last>, nullptr, nullptr,
     deallocate_from},
    {"free_from-large", Effect::frees_from, kMiddle, nullptr, then_target<aim_at_large>, nullptr,
     deallocate_from},
    {"attach", Effect::none, kSmall, nullptr, nullptr, nullptr, attach, false, true},
    {"detach-idle", Effect::none, kSmall, nullptr, nullptr, nullptr, detach},
    {"detach", Effect::none, kSmall, keep_a_small_word, share_partial, nullptr, detach},
    {"trim", Effect::none, kMiddle, complete_and_free, nullptr, nullptr, trim},
    {"recover-nothing", Effect::none, kSmall, keep_three_small, keep_three_small, nullptr, recover},
};

}  // namespace

std::span<const Operation> operations() noexcept { return kOperations; }

Operation recovery_of(const Operation& dead) noexcept {
    return {dead.name, dead.effect, dead.size,  nullptr, nullptr,
            nullptr,   recover,     dead.tight, false};
}

Operation work_beside() noexcept {
    return {"work", Effect::none, kSmall, nullptr, nullptr, nullptr, work};
}

}  // namespace kills
