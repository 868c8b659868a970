// Death tests of the messages: exactly one line each, then abort().
#include <csignal>

#include <gtest/gtest.h>

#include "base/config.hpp"
#include "base/line.hpp"
#include "base/report.hpp"

namespace {

using namespace ashlar::base;

void* const somewhere = reinterpret_cast<void*>(0x7f12345600);

#define EXPECT_REPORT(statement, line) \
    EXPECT_EXIT(statement, testing::KilledBySignal(SIGABRT), "^" line "\n$")

TEST(ReportDeathTest, DoubleFreePrintsOneLineAndAborts) {
    EXPECT_REPORT(report_double_free(somewhere, 64),
                  "ashlar: double free of 0x7f12345600 \\(64-byte block\\)");
    EXPECT_REPORT(report_double_free(somewhere, 0),
                  "ashlar: double free of 0x7f12345600 \\(no block there any more\\)");
}

TEST(ReportDeathTest, InvalidFreePrintsOneLineAndAborts) {
    EXPECT_REPORT(report_inside(somewhere, 32768),
                  "ashlar: invalid free of 0x7f12345600 \\(inside a 32768-byte block\\)");
    EXPECT_REPORT(report_foreign(somewhere),
                  "ashlar: invalid free of 0x7f12345600 \\(not from this heap\\)");
}

TEST(ReportDeathTest, WrongSizePrintsOneLineAndAborts) {
    EXPECT_REPORT(
        report_wrong_size(somewhere, 64, 1000),
        "ashlar: wrong size in free of 0x7f12345600 \\(64-byte block, freed as 1000 bytes\\)");
}

TEST(ReportDeathTest, CorruptionPrintsOneLineAndAborts) {
    EXPECT_REPORT(report_corruption(somewhere, "what"),
                  "ashlar: heap corruption at 0x7f12345600 \\(what\\)");
}

TEST(ReportDeathTest, StateTransitionsAreAssertedInDebugBuilds) {
    expect(true, somewhere, "never said");
    if constexpr (kDebug) {
        EXPECT_REPORT(expect(false, somewhere, "wrong state"),
                      "ashlar: heap corruption at 0x7f12345600 \\(wrong state\\)");
    } else {
        expect(false, somewhere, "not checked");
    }
}

bool print_more(int descriptor, const void* subject) {
    Line line;
    return line.text(static_cast<const char*>(subject)).write(descriptor);
}

TEST(ReportDeathTest, MoreFollowsTheLineWhereThereIsNoEnding) {
    Line line;
    line.text("the line");
    Report report{Misuse::overflow, somewhere, 64, nullptr, print_more, "and more"};
    EXPECT_REPORT(end_program(line, report), "the line\nand more");
}

TEST(Report, SignalReturnsWithTheLineOfTheReport) {
    static Report seen;
    set_ending([](const Report& report) noexcept { seen = report; });
    testing::internal::CaptureStderr();
    Line line;
    line.text("the line");
    Report report{Misuse::overflow, somewhere, 64, nullptr, print_more, "and more", somewhere};
    report_signal(line, report);
    set_ending(nullptr);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "the line\n");
    EXPECT_STREQ(seen.line, "the line");
    EXPECT_EQ(seen.context, somewhere);
}

TEST(Report, FindingPrintsALineAndReturns) {
    testing::internal::CaptureStderr();
    report_finding(somewhere, "odd thing");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "ashlar: check: odd thing at 0x7f12345600\n");
}

}  // namespace
