// The bytes behind offsets, looked for while others come.
#include "manager/base/buffer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using ashlar::Offset;
using ashlar::manager::Buffer;

// E36: relaxed words only between the threads, so that a search has to find the
// parts by what it reads itself. It looks again after each part: a chunk of the
// table that it walks through comes with the second, the fourth, the eighth …
TEST(BufferTest, AtFindsBytesWhilePartsAreAdded) {
    constexpr unsigned kParts = 40;
    constexpr std::size_t kBytes = 64;
    std::vector<std::byte> bytes((kParts + 1) * kBytes);
    const auto part = [&](unsigned i) {
        return std::span<std::byte>(bytes).subspan(i * kBytes, kBytes);
    };
    Buffer buffer(part(0));
    ASSERT_TRUE(buffer.add(kBytes, part(1)));
    std::atomic<unsigned> looks[2] = {};
    std::atomic<bool> done{false};
    const auto look = [&](unsigned reader, auto find) {
        while (!done.load(std::memory_order_relaxed)) {
            EXPECT_TRUE(find());
            looks[reader].fetch_add(1, std::memory_order_relaxed);
        }
    };
    std::thread by_offset(look, 0, [&] { return buffer.at(kBytes + 5) == &bytes[kBytes + 5]; });
    std::thread by_address(
        look, 1, [&] { return buffer.offset_of(&bytes[kBytes + 5], bytes.size()) == kBytes + 5; });
    for (unsigned i = 2; i <= kParts; ++i) {
        EXPECT_TRUE(buffer.add(Offset{i} * kBytes, part(i)));
        for (std::atomic<unsigned>& reader : looks) {
            const unsigned before = reader.load(std::memory_order_relaxed);
            while (reader.load(std::memory_order_relaxed) < before + 2) std::this_thread::yield();
        }
    }
    done.store(true, std::memory_order_relaxed);
    by_offset.join();
    by_address.join();
    for (unsigned i = 0; i <= kParts; ++i)
        EXPECT_EQ(buffer.at(Offset{i} * kBytes), &bytes[i * kBytes]);
}

}  // namespace
