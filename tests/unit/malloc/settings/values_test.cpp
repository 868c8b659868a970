// Numbers, sizes, amounts and times, and text that is none.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "malloc/settings/values.hpp"

namespace {

using namespace ashlar::settings;

// The value, if the whole text is one.
template <class T>
std::optional<T> whole(bool (*read)(const char*&, T&) noexcept, const std::string& text) {
    const char* at = text.c_str();
    T value{};
    const bool done = read(at, value);
    return done && *at == '\0' ? std::optional<T>(value) : std::nullopt;
}

constexpr std::uint64_t kKib = 1024;

TEST(Values, NumbersHaveAtMost18Digits) {
    EXPECT_EQ(whole(read_number, "0"), 0U);
    EXPECT_EQ(whole(read_number, "999999999999999999"), 999999999999999999U);
    for (const char* text : {"", "-1", "x", "1x", "1000000000000000000", " 1"})
        EXPECT_FALSE(whole(read_number, text)) << text;
}

TEST(Values, SizesHaveSuffixes) {
    EXPECT_EQ(whole(read_size, "17"), 17U);
    EXPECT_EQ(whole(read_size, "3K"), 3 * kKib);
    EXPECT_EQ(whole(read_size, "3M"), 3 * kKib * kKib);
    EXPECT_EQ(whole(read_size, "3G"), 3 * kKib * kKib * kKib);
    EXPECT_EQ(whole(read_size, "1073741823G"), 1073741823 * kKib * kKib * kKib);
    for (const char* text : {"", "K", "1T", "1KK", "1k", "1073741824G", "18014398509481984K", "1%"})
        EXPECT_FALSE(whole(read_size, text)) << text;
}

TEST(Values, AmountsAreSizesOrPercentages) {
    EXPECT_EQ(whole(read_amount, "2M"), (Amount{2 * kKib * kKib, false}));
    EXPECT_EQ(whole(read_amount, "1%"), (Amount{1, true}));
    EXPECT_EQ(whole(read_amount, "100%"), (Amount{100, true}));
    for (const char* text : {"", "%", "0", "0%", "101%", "1K%", "1%%", "1.5%"})
        EXPECT_FALSE(whole(read_amount, text)) << text;
}

TEST(Values, TimesNeedASuffix) {
    EXPECT_EQ(whole(read_time, "250ms"), 250U);
    EXPECT_EQ(whole(read_time, "2s"), 2000U);
    EXPECT_EQ(whole(read_time, "0s"), 0U);
    for (const char* text : {"", "2", "2m", "ms", "2h", "1099511627776s", "2 s", "2sm"})
        EXPECT_FALSE(whole(read_time, text)) << text;
}

}  // namespace
