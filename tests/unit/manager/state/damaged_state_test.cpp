// load_state() with streams that are no state: every one of them is refused,
// and none does harm.
#include <gtest/gtest.h>

#include <new>
#include <random>

#include "manager/state/crc32c.hpp"
#include "unit/manager/state/crowd.hpp"

namespace {

using namespace ashlar;
using crowd::kWhole;
using crowd::saved;

constexpr std::size_t kHeader = 88;  // bytes before its checksum; docs/manager/state.md

std::uint32_t crc(const std::string& text) {
    manager::Crc32c crc;
    crc.add(reinterpret_cast<const unsigned char*>(text.data()), text.size());
    return crc.value();
}

std::string word(std::uint32_t value) {
    std::string made;
    for (unsigned i = 0; i < 4; ++i) made += static_cast<char>(value >> (8 * i));
    return made;
}

// A state without bytes, with checksums that are right whatever was changed in
// it.
std::string sealed(std::string header, const std::string& records) {
    header += word(crc(header));
    return header + records + word(crc(records)) + "ASH-END\n";
}

std::string small_state(bool bytes) {
    MemoryManager manager(kWhole);
    crowd::fill(manager, 25);
    return saved(manager, {.bytes = bytes});
}

// Small tables, so that a large number costs no memory.
Status load(const std::string& state) {
    std::istringstream in(state);
    try {
        const MemoryManager manager =
            load_state_without_memory(in, {.limit = 1, .most_ranges = 4096});
        EXPECT_EQ(manager.check(&std::cerr), 0U);
        return Status::ok;
    } catch (const ManagerError& error) {
        return error.status();
    } catch (const std::bad_alloc&) {
        return Status::no_room;  // for the tables of a large buffer
    }
}

TEST(DamagedState, IsRefusedWhereverItEnds) {
    for (const bool bytes : {false, true}) {
        const std::string state = small_state(bytes);
        ASSERT_EQ(load(state), Status::ok);
        // All of the header and the records, and some places among the bytes.
        const std::size_t step = bytes ? 37 : 1;
        for (std::size_t size = 0; size < state.size(); size += step) {
            ASSERT_EQ(load(state.substr(0, size)), Status::bad_state) << size;
        }
        ASSERT_EQ(load(state.substr(0, state.size() - 1)), Status::bad_state);
    }
}

TEST(DamagedState, IsRefusedWhicheverByteChanged) {
    for (const bool bytes : {false, true}) {
        const std::string state = small_state(bytes);
        for (std::size_t at = 0; at < state.size(); at += bytes ? 41 : 1) {
            for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
                std::string changed = state;
                changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
                ASSERT_EQ(load(changed), Status::bad_state) << at;
            }
        }
    }
}

TEST(DamagedState, LeavesNoBrokenManagerThoughItsChecksumsAreRight) {
    const std::string state = small_state(false);
    const std::string header = state.substr(0, kHeader);
    const std::string records = state.substr(kHeader + 4, state.size() - kHeader - 16);
    ASSERT_EQ(sealed(header, records), state);
    std::mt19937_64 random(7);
    std::size_t loaded = 0, refused = 0;
    const auto count = [&](Status status) { ++(status == Status::ok ? loaded : refused); };
    for (std::size_t at = 0; at < kHeader; ++at) {
        for (const unsigned flip : {0x01U, 0x10U, 0x80U}) {
            std::string changed = header;
            changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
            count(load(sealed(changed, records)));
        }
    }
    for (unsigned i = 0; i < 3000; ++i) {
        std::string changed = records;
        for (std::uint64_t n = 1 + random() % 3; n != 0; --n) {
            const std::size_t at = random() % changed.size();
            if (random() % 4 == 0) changed.erase(at, 1 + random() % 3);
            if (at < changed.size()) changed[at] = static_cast<char>(random());
        }
        count(load(sealed(header, changed)));
    }
    EXPECT_GT(loaded, 0U);
    EXPECT_GT(refused, 1000U);
}

std::string header_of(const std::string& state, std::uint64_t records) {
    std::string header = state.substr(0, kHeader);
    for (unsigned i = 0; i < 8; ++i)
        header[kHeader - 8 + i] = static_cast<char>(records >> (8 * i));
    return header;
}

// The state of an empty manager with another number in its header.
Status load_with(std::size_t at, unsigned size, std::uint64_t value, Size granularity = 1) {
    MemoryManager manager(kWhole, {.granularity = granularity});
    std::string header = saved(manager, {.bytes = false}).substr(0, kHeader);
    for (unsigned i = 0; i < size; ++i) header[at + i] = static_cast<char>(value >> (8 * i));
    return load(sealed(header, ""));
}

TEST(DamagedState, IsRefusedForHeadersThatAreNotPossible) {
    constexpr std::size_t flags = 12, capacity = 16, limit = 24, highest = 32, initial = 40,
                          grain = 48, shift = 64, places = 68;
    EXPECT_EQ(load_with(grain, 8, 1), Status::ok);
    EXPECT_EQ(load_with(flags, 4, 2), Status::bad_state);
    for (const Size size : {Size{0}, Size{3}, Size{1} << 49})
        EXPECT_EQ(load_with(grain, 8, size), Status::bad_state);
    for (const Size size : {Size{0}, Size{100}, Size{1} << 49})
        EXPECT_EQ(load_with(capacity, 8, size, 64), Status::bad_state);
    EXPECT_EQ(load_with(highest, 8, 2 * kWhole, 64), Status::ok);
    for (const Size size : {Size{64}, kWhole + 1, Size{1} << 49}) {
        EXPECT_EQ(load_with(highest, 8, size, 64), Status::bad_state);
        EXPECT_EQ(load_with(limit, 8, size, 64), Status::bad_state);
    }
    EXPECT_EQ(load_with(limit, 8, 2 * kWhole, 64), Status::bad_state);  // above the highest
    EXPECT_EQ(load_with(initial, 8, 64, 64), Status::ok);
    for (const Size size : {Size{0}, Size{65}, 2 * kWhole})
        EXPECT_EQ(load_with(initial, 8, size, 64), Status::bad_state);
    EXPECT_EQ(load_with(shift, 4, 16), Status::ok);
    for (const std::uint32_t log : {11U, 17U})
        EXPECT_EQ(load_with(shift, 4, log), Status::bad_state);
    EXPECT_EQ(load_with(places, 4, 1), Status::bad_state);  // more than there ever were
}

// Of a manager with a movable block, so that there is a place for one handle.
std::string with_records(const std::string& records, std::uint64_t count) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::one_slabs));
    static_cast<void>(manager.allocate_movable(10));
    return sealed(header_of(saved(manager, {.bytes = false}), count), records);
}

TEST(DamagedState, IsRefusedForRecordsThatAreNotPossible) {
    using namespace std::string_literals;
    // A block of 7 bytes at 5.
    EXPECT_EQ(load(with_records("\x00\x05\x07"s, 1)), Status::ok);
    EXPECT_EQ(load(with_records("\x00\x05\x00"s, 1)), Status::bad_state);  // of none
    EXPECT_EQ(load(with_records("\x05\x05\x07"s, 1)), Status::bad_state);  // of no kind
    // With an unknown flag.
    EXPECT_EQ(load(with_records("\x80\x05\x07"s, 1)), Status::bad_state);
    EXPECT_EQ(load(with_records("\x00\x80\x80\x40\x01"s, 1)), Status::bad_state);  // behind the end
    EXPECT_EQ(load(with_records("\x00\xff\xff\x3f\x01"s, 1)), Status::ok);         // the last byte
    EXPECT_EQ(load(with_records("\x00\xff\xff\x3f\x02"s, 1)), Status::bad_state);  // one more
    // Movable: handle 1.
    EXPECT_EQ(load(with_records("\x01\x05\x07\x01\x00"s, 1)), Status::ok);
    EXPECT_EQ(load(with_records("\x01\x05\x07\x02\x00"s, 1)), Status::bad_state);  // no such place
    EXPECT_EQ(load(with_records("\x01\x05\x07\x00\x00"s, 1)), Status::bad_state);  // no handle
    // An odd offset, aligned to 2.
    EXPECT_EQ(load(with_records("\x01\x05\x07\x01\x01"s, 1)), Status::bad_state);
    // Aligned to 2^64.
    EXPECT_EQ(load(with_records("\x01\x00\x07\x01\x40"s, 1)), Status::bad_state);
    // One handle twice.
    EXPECT_EQ(load(with_records("\x01\x05\x07\x01\x00\x01\x05\x07\x01\x00"s, 2)),
              Status::bad_state);
    // Over 2^64.
    EXPECT_EQ(load(with_records("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01"s, 1)),
              Status::bad_state);
    // By 2^49 more.
    EXPECT_EQ(load(with_records("\x40\x05\x07\x80\x80\x80\x80\x80\x80\x80\x01"s, 1)),
              Status::bad_state);
    // Data: 2^64 - 1.
    EXPECT_EQ(load(with_records("\x10\x05\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, 1)),
              Status::ok);
    // One of two.
    EXPECT_EQ(load(with_records("\x00\x05\x07"s, 2)), Status::bad_state);
}

TEST(DamagedState, IsRefusedForBlocksThatAreNoMultipleOfTheGranularity) {
    using namespace std::string_literals;
    MemoryManager manager(kWhole, {.granularity = 64});
    const std::string header = header_of(saved(manager, {.bytes = false}), 1);
    EXPECT_EQ(load(sealed(header, "\x00\x40\x40"s)), Status::ok);
    EXPECT_EQ(load(sealed(header, "\x00\x20\x40"s)), Status::bad_state);
    EXPECT_EQ(load(sealed(header, "\x00\x40\x20"s)), Status::bad_state);
    EXPECT_EQ(load(sealed(header, "\x40\x40\x40\x20"s)), Status::bad_state);
}

// A slab of 4096 bytes at 0 with blocks of 8, 0xf8 0x1f bytes more; user data:
// how many follow.
TEST(DamagedState, IsRefusedForSlabsThatAreNotPossible) {
    using namespace std::string_literals;
    const std::string slab = "\x53\x00\x08\xf8\x1f"s;
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x08\x08"s, 2)), Status::ok);
    // 5 of 8 bytes.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x44\x00\x05\x03"s, 2)), Status::ok);
    // Not 8.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x44\x00\x05\x02"s, 2)), Status::bad_state);
    // Between two places.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x04\x08"s, 2)), Status::bad_state);
    // The last place.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\xf8\x1f\x08"s, 2)), Status::ok);
    // Behind the slab.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x80\x20\x08"s, 2)), Status::bad_state);
    // One of two.
    EXPECT_EQ(load(with_records(slab + "\x02"s + "\x04\x08\x08"s, 2)), Status::bad_state);
    // Two of one.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x08\x08\x04\x08\x08"s, 3)),
              Status::bad_state);
    // A block inside.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x00\x08\x08"s, 2)), Status::bad_state);
    // One inside, after.
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x08\x08\x00\x08\x08"s, 3)),
              Status::bad_state);
    // A block, and a slab with one.
    const std::string next = "\x04\x08\x08\x53\xf0\x1f\x08\xf8\x1f\x01\x04\x08\x08"s;
    EXPECT_EQ(load(with_records(slab + "\x01"s + next, 4)), Status::ok);
    EXPECT_EQ(load(with_records(slab + "\x02"s + next, 4)), Status::bad_state);
    // One of two, and a block behind it.
    EXPECT_EQ(load(with_records(slab + "\x02"s + "\x04\x08\x08\x00\xf0\x1f\x08"s, 3)),
              Status::bad_state);
    EXPECT_EQ(load(with_records(slab + "\x01"s + "\x04\x08\x08\x00\xf0\x1f\x08"s, 3)), Status::ok);
}

TEST(DamagedState, IsRefusedForSlabsOfOtherShapes) {
    using namespace std::string_literals;
    const std::string slab = "\x53\x00\x08\xf8\x1f"s;
    // Too short.
    EXPECT_EQ(load(with_records("\x53\x00\x08\xf7\x1f\x01\x04\x08\x08"s, 2)), Status::bad_state);
    // A root.
    EXPECT_EQ(load(with_records("\x5b\x00\x08\xf8\x1f\x01\x04\x08\x08"s, 2)), Status::bad_state);
    // With a name.
    EXPECT_EQ(load(with_records("\x73\x00\x08\xf8\x1f\x01\x01n\x04\x08\x08"s, 2)),
              Status::bad_state);
    // With 513 blocks.
    EXPECT_EQ(load(with_records(slab + "\x81\x04"s + "\x04\x08\x08"s, 2)), Status::bad_state);
    // Blocks of 1024 bytes: 771 of them may be asked for, 770 are too few.
    const std::string large = "\x53\x00\x80\x08\x80\x18\x01"s;
    EXPECT_EQ(load(with_records(large + "\x44\x00\x83\x06\xfd\x01"s, 2)), Status::ok);
    EXPECT_EQ(load(with_records(large + "\x44\x00\x82\x06\xfe\x01"s, 2)), Status::bad_state);
    // Blocks of 136 bytes are of no class here, so that the policy holds them.
    EXPECT_EQ(load(with_records("\x53\x00\x88\x01\xf8\x1e\x01\x44\x00\x80\x01\x08"s, 2)),
              Status::ok);
    // Without a slab.
    EXPECT_EQ(load(with_records("\x04\x08\x08"s, 1)), Status::bad_state);
    // Not at a multiple.
    EXPECT_EQ(load(with_records("\x53\x01\x08\xf8\x1f\x01\x04\x08\x08"s, 2)), Status::bad_state);
    // Of blocks of 12 bytes.
    EXPECT_EQ(load(with_records("\x53\x00\x0c\xf4\x1f\x01\x04\x00\x0c"s, 2)), Status::bad_state);
}

TEST(DamagedState, NamesTheVersionThatItDoesNotKnow) {
    std::string state = small_state(false);
    state[8] = 2;
    std::istringstream in(state), empty, bad(state);
    bad.setstate(std::ios::failbit);
    EXPECT_NE(make::message<BadState>([&] { static_cast<void>(load_state(bad)); }).find("not good"),
              std::string::npos);
    EXPECT_NE(make::message<BadState>([&] { static_cast<void>(load_state(in)); }).find("version 2"),
              std::string::npos);
    EXPECT_NE(
        make::message<BadState>([&] { static_cast<void>(load_state(empty)); }).find("at byte 0"),
        std::string::npos);
}

// The format of version 1, byte for byte: docs/manager/state.md.
TEST(StateFormat, IsAsDocumented) {
    ManagerOptions options = make::options(2 * kWhole);
    options.highest_limit = 4 * kWhole;
    MemoryManager manager(kWhole, std::move(options));
    static_cast<void>(manager.allocate(16));
    const Offset offset = manager.allocate(300).value();
    manager.deallocate(0);
    manager.set_user_data(offset, 7);
    manager.set_name(offset, "abc");
    const std::string state = saved(manager, {.bytes = false});
    std::string expected(
        "\x89"
        "ASH\r\n\x1a\n",
        8);
    const auto number = [&expected](std::uint64_t value, unsigned size) {
        for (; size != 0; --size, value >>= 8) expected += static_cast<char>(value);
    };
    number(1, 4);           // version
    number(0, 4);           // flags
    number(kWhole, 8);      // capacity
    number(2 * kWhole, 8);  // limit
    number(4 * kWhole, 8);  // highest limit
    number(kWhole, 8);      // initial size
    number(1, 8);           // granularity
    number(0, 8);           // small_limit
    number(0, 4);           // no slabs
    number(0, 4);           // places of handles: now
    number(0, 4);           // ever
    number(0, 4);           // lives
    number(1, 8);           // records
    ASSERT_EQ(expected.size(), kHeader);
    EXPECT_TRUE(sealed(expected, std::string("\x30\x10\xac\x02\x07\x03"
                                             "abc",
                                             9)) == state);
    EXPECT_EQ(crc("123456789"), 0xe3069283U);  // the check value of CRC-32C
}

}  // namespace
