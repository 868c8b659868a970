// How names and numbers are written, whatever bytes a name has.
#include "manager/report/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace ashlar::manager;

const std::string kBad = "\xEF\xBF\xBD";  // U+FFFD

// RFC 3629: the first and the last sequence of each length stand as they are.
TEST(Text, WellFormedUtf8IsKept) {
    for (const std::string text :
         {"plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF3\xBF\xBF\xBF", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_EQ(json_string(text), '"' + text + '"');
        EXPECT_EQ(xml_text(text), text);
    }
}

TEST(Text, MalformedUtf8IsReplacedByteByByte) {
    for (const std::string text : {"\x80", "\xBF", "\xC1\x80", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
                                   "\xED\xA0\x80", "\xE1\x80", "\xE1\x80\x41", "\xF0\x8F\xBF\xBF",
                                   "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        std::string expected;
        for (const char byte : text) expected += byte == 'A' ? "A" : kBad;
        EXPECT_EQ(xml_text(text), expected);
        EXPECT_EQ(json_string(text), '"' + expected + '"');
    }
}

TEST(Text, ReservedCharactersAreEscaped) {
    EXPECT_EQ(xml_text("<a & \"b\">\n\x7F"), "&lt;a &amp; &quot;b&quot;&gt;" + kBad + kBad);
    EXPECT_EQ(json_string("\"\\\n\x7F"), "\"\\\"\\\\\\u000a\\u007f\"");
}

TEST(Text, AmountsHaveAtMostOneDecimal) {
    EXPECT_EQ(amount(0), "0 bytes");
    EXPECT_EQ(amount(1), "1 byte");
    EXPECT_EQ(amount(1023), "1023 bytes");
    EXPECT_EQ(amount(1024), "1 KiB");
    EXPECT_EQ(amount(1536), "1.5 KiB");
    EXPECT_EQ(amount(ashlar::Size{1} << 40), "1 TiB");
    EXPECT_EQ(amount(ashlar::Size{3} << 50), "3072 TiB");
}

}  // namespace
