// Objects with names, and damage.
#include <cstring>

#include "shared_session.hpp"

namespace fuzz {

using ashlar::base::kClasses;
using ashlar::base::rlx;
using ashlar::shared::Header;
using ashlar::shared::NameAnswer;
using ashlar::shared::Named;
using ashlar::shared::NamedType;
using ashlar::shared::Record;
using ashlar::shared::Slot;
using ashlar::shared::Step;
using ashlar::shared::Tag;
using ashlar::shared::UnitState;

namespace {

std::string_view name_of(std::size_t index) {
    static const std::string long_name(300, 'n');
    static const std::string_view names[] = {"a", "b", "another name", long_name};
    return names[index];
}
NamedType type_of(std::size_t size) { return {size, size, 16}; }

}  // namespace

void SharedSession::use_name() {
    const std::size_t kind = in_.byte();
    const std::size_t index = kind / 16 % kNames;
    const std::size_t size = std::size_t{48} << (kind / 64 == 3 ? 11 : kind / 64);
    switch (kind % 16) {
        case 0:
        case 1:
        case 2: return find_name(index, size);
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: return destroy_name(index, size);
        default: return make_name(index, size);
    }
}

void SharedSession::make_name(std::size_t index, std::size_t size) {
    Name& mine = names_[index];
    const bool keep = in_.byte() >= 64;
    Named named{NameAnswer::no_room, nullptr, {0}, 0, 0};
    const bool done = run([&] {
        ashlar::shared::Names& names = world_.names(thread_);
        named = names.begin(world_.me(thread_), name_of(index), type_of(size));
        if (named.answer != NameAnswer::done) return;
        if (!world_.damaged) std::memset(world_.address<void>(thread_, named.object), 0, size);
        keep ? names.commit(named) : names.cancel(world_.me(thread_), named);
    });
    if (!done) {
        mine.known = Known::unsure;
    } else if (named.answer == NameAnswer::done) {
        expect(mine.known != Known::ready, "a name is made twice");
        mine = {keep ? Known::ready : Known::absent, size};
    } else {
        expect(mine.known == Known::unsure || named.answer == NameAnswer::no_room ||
                   (mine.known == Known::ready) == (named.answer == NameAnswer::exists),
               "a name cannot be made");
    }
}

void SharedSession::find_name(std::size_t index, std::size_t size) {
    const Name& mine = names_[index];
    const Named named = world_.names(thread_).find(name_of(index), type_of(size));
    if (mine.known == Known::unsure) return;
    expect(mine.known == Known::ready
               ? named.answer == (mine.size == size ? NameAnswer::done : NameAnswer::other_type)
               : named.answer == NameAnswer::absent,
           "a name is not found as it is");
}

void SharedSession::destroy_name(std::size_t index, std::size_t size) {
    Name& mine = names_[index];
    const Known before = mine.known;
    NameAnswer answer = NameAnswer::absent;
    const bool done = run([&] {
        ashlar::shared::Names& names = world_.names(thread_);
        const Named named = names.begin_destroy(world_.me(thread_), name_of(index), type_of(size));
        answer = named.answer;
        if (answer == NameAnswer::done) names.end_destroy(world_.me(thread_), named);
    });
    if (!done) {
        mine.known = Known::unsure;
        return;
    }
    expect(before == Known::unsure ||
               (answer == NameAnswer::done) == (before == Known::ready && mine.size == size),
           "a name is not destroyed as it is");
    if (answer == NameAnswer::done) mine.known = Known::absent;
}

// --------------------------------------------------------------------- damage

// Changes a word, mostly to one that looks right. Not the words that only the
// creation reads, nor the C library's mutexes.
void SharedSession::damage() {
    world_.damaged = true;
    const std::size_t kind = in_.byte();
    Word value = in_.word() | Word{in_.word()} << 16;
    const auto units = static_cast<std::uint32_t>(value % (2 * SharedWorld::kUnits));
    const auto more = static_cast<std::uint32_t>(value >> 8);
    switch (kind / 8 % 8) {
        case 0: value = UnitState::held(more % 4096, units).raw; break;
        case 1: value = UnitState::large(units, more % 131072, more % 4096).raw; break;
        case 2: value = UnitState::owned(more % 64, units % 16).raw; break;
        case 3: value = UnitState::shared(more % 64).raw; break;
        case 4: value = UnitState::inside(units).raw; break;
        case 5:
            value = Record::of(static_cast<Step>(more % 16), units, more % 2048, more % 64).raw;
            break;
        case 6: value = value << 32 | in_.word(); break;
        default: break;
    }
    ashlar::shared::Segment& segment = world_.segment(thread_);
    const std::size_t at = in_.word();
    const auto unit = static_cast<UnitId>(at % SharedWorld::kUnits);
    const auto put = [&](std::uint64_t from, std::uint64_t to) {
        const std::uint64_t words = (to - from) / sizeof(Word);
        world_.address<ashlar::base::Atomic<Word>>(1, from)[at % words].store(value, rlx);
    };
    const std::uint64_t slot =
        segment.offset(reinterpret_cast<std::uintptr_t>(&world_.me(thread_).slot));
    switch (kind % 8) {
        case 0: return put(offsetof(Header, covered), segment.first_bytes(SharedWorld::kUnits));
        case 1: return put(offsetof(Header, covered), sizeof(Header));
        case 2: return put(slot + sizeof(pthread_mutex_t), slot + sizeof(Slot));
        case 3:
        case 4: return segment.state_word(unit).store(value, rlx);
        case 5: return segment.bits(unit, at / 64 % 32).store(value, rlx);
        case 6:
            return segment.tag(unit, static_cast<std::uint32_t>(at / 64 % 64))
                .store(static_cast<Tag>(value), rlx);
        default: return put(segment.first(), world_.bytes());
    }
}

}  // namespace fuzz
