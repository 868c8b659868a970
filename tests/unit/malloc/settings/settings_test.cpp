// The table of settings, the nearest name, and whole environments.
#include <unistd.h>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/settings/settings.hpp"
#include "malloc/settings/table.hpp"

namespace {

using namespace ashlar::settings;

struct Result {
    Settings settings;
    std::vector<std::string> complaints;  // "NAME=value", or "NAME?" for an unknown one
};

Result read_all(std::vector<const char*> variables) {
    variables.push_back(nullptr);
    Result result;
    const Report note = [](void* context, const Complaint& complaint) noexcept {
        auto& list = *static_cast<std::vector<std::string>*>(context);
        const std::string name(complaint.name, complaint.length);
        list.push_back(complaint.setting == nullptr ? name + "?" : name + "=" + complaint.value);
    };
    result.settings = read(variables.data(), note, &result.complaints);
    return result;
}

using Complaints = std::vector<std::string>;

TEST(Settings, TableNamesAreSortedAndBeginAlike) {
    const char* before = "";
    for (const Setting& setting : table()) {
        EXPECT_EQ(std::strncmp(setting.name, "ASHLAR_", 7), 0) << setting.name;
        EXPECT_LT(std::strcmp(before, setting.name), 0) << setting.name;
        EXPECT_LE(std::strlen(setting.name), 48U) << setting.name;  // nearest() compares so many
        EXPECT_EQ(find(setting.name, std::strlen(setting.name)), &setting);
        before = setting.name;
    }
    EXPECT_EQ(find("ASHLAR_STATSX", 12)->name, std::string("ASHLAR_STATS"));
    EXPECT_EQ(find("ASHLAR_STATSX", 13), nullptr);
}

TEST(Settings, NearestHasTheLeastEditDistance) {
    const auto name = [](const std::string& text) {
        return std::string(nearest(text.data(), text.size()).name);
    };
    EXPECT_EQ(name("ASHLAR_STAT"), "ASHLAR_STATS");
    EXPECT_EQ(name("ASHLAR_STATSS"), "ASHLAR_STATS");
    EXPECT_EQ(name("ASHLAR_LIMITS"), "ASHLAR_LIMIT");
    EXPECT_EQ(name("ASHLAR_BAKGROUND"), "ASHLAR_BACKGROUND");
    EXPECT_EQ(name("ASHLAR_FAIL_NTHS"), "ASHLAR_FAIL_NTH");
    EXPECT_EQ(name("ASHLAR_LIBRARI"), "ASHLAR_LIBRARY");
    EXPECT_NE(name("ASHLAR_" + std::string(500, 'X')), "");
}

TEST(Settings, ReadGivesDefaultsWithoutVariables) {
    for (const Result& result : {read_all({}), read_all({"PATH=/bin", "XASHLAR_STATS=1"}),
                                 read_all({"ASHLAR_STATS=", "ASHLAR_LIMIT=", "ASHLAR_NEW="})}) {
        EXPECT_EQ(result.settings, Settings{});
        EXPECT_EQ(result.complaints, Complaints{});
    }
}

TEST(Settings, ReadTakesEachValue) {
    const Result result =
        read_all({"A=1", "ASHLAR_BACKGROUND=1", "ASHLAR_STATS=1", "ASHLAR_FAIL_NTH=7+3@2K",
                  "ASHLAR_LIMIT=soft:75%,hard:3G", "ASHLAR_LIBRARY=/nowhere",
                  "ASHLAR_GUARD_SAMPLE=1000", "ASHLAR_CHECK=full"});
    EXPECT_EQ(result.complaints, Complaints{});
    EXPECT_EQ(result.settings, (Settings{.background = Background::on,
                                         .check = CheckLevel::full,
                                         .statistics = true,
                                         .failures = true,
                                         .plan = {7, 3, 2048},
                                         .soft_limit = {75, true},
                                         .hard_limit = {std::uint64_t{3} << 30, false},
                                         .guard_sample = 1000}));
    EXPECT_EQ(read_all({"ASHLAR_GUARD_SAMPLE=0"}).settings.guard_sample, 0U);
    EXPECT_EQ(read_all({"ASHLAR_GUARD_SAMPLE=1000000000"}).settings.guard_sample, 1000000000U);
    EXPECT_EQ(read_all({"ASHLAR_BACKGROUND=0"}).settings.background, Background::off);
    EXPECT_EQ(read_all({"ASHLAR_BACKGROUND=auto"}).settings.background, Background::automatic);
    EXPECT_EQ(read_all({"ASHLAR_LIMIT=hard:90%"}).settings.hard_limit, (Amount{90, true}));
    EXPECT_EQ(read_all({"ASHLAR_LIMIT=hard:2M,soft:2M"}).settings.soft_limit.value, 2U << 20);
}

TEST(Settings, ReadTakesTheSettingsOfReports) {
    const Result result = read_all({"ASHLAR_REPORT=full", "ASHLAR_REPORT_ACTION=exit:255",
                                    "ASHLAR_REPORT_FILE=/tmp/%p", "ASHLAR_STACKS=10000000"});
    EXPECT_EQ(result.complaints, Complaints{});
    EXPECT_EQ(result.settings.report, ReportLevel::full);
    EXPECT_EQ(result.settings.report_action, (ReportAction{ReportAction::Kind::exit, 255}));
    EXPECT_STREQ(result.settings.report_file.text, "/tmp/%p");
    EXPECT_EQ(result.settings.stacks, 10000000U);
    EXPECT_EQ(read_all({"ASHLAR_REPORT=line"}).settings.report, ReportLevel::line);
    EXPECT_EQ(read_all({"ASHLAR_REPORT_ACTION=signal:6"}).settings.report_action,
              (ReportAction{ReportAction::Kind::signal, 6}));
    EXPECT_EQ(read_all({"ASHLAR_REPORT_ACTION=abort"}).settings.report_action,
              (ReportAction{ReportAction::Kind::abort, 0}));
    const std::string longest = "ASHLAR_REPORT_FILE=" + std::string(255, 'x');
    EXPECT_EQ(read_all({longest.c_str()}).settings.report_file.text, std::string(255, 'x'));
    const std::string longer = longest + 'x';
    for (const char* wrong :
         {"ASHLAR_REPORT=no", "ASHLAR_REPORT=full ", "ASHLAR_REPORT_ACTION=exit",
          "ASHLAR_REPORT_ACTION=exit:256", "ASHLAR_REPORT_ACTION=exit:1x",
          "ASHLAR_REPORT_ACTION=signal:0", "ASHLAR_REPORT_ACTION=signal:65",
          "ASHLAR_REPORT_ACTION=stop", "ASHLAR_STACKS=10000001", "ASHLAR_STACKS=-1",
          "ASHLAR_STACKS=1K", longer.c_str()}) {
        EXPECT_EQ(read_all({wrong}).complaints, Complaints{wrong});
        EXPECT_EQ(read_all({wrong}).settings, Settings{}) << wrong;
    }
}

TEST(Settings, ReadTakesEachLevelOfChecks) {
    EXPECT_EQ(read_all({"ASHLAR_CHECK=off"}).settings.check, CheckLevel::off);
    EXPECT_EQ(read_all({"ASHLAR_CHECK=default"}).settings.check, CheckLevel::standard);
    EXPECT_EQ(read_all({"ASHLAR_CHECK=paranoid"}).settings.check, CheckLevel::paranoid);
}

TEST(Settings, SetuidProgramsMayOnlyHaveMoreChecks) {
    const Settings wish = {.background = Background::on,
                           .check = CheckLevel::full,
                           .statistics = true,
                           .guard_sample = 5};
    EXPECT_EQ(secure(wish), (Settings{.check = CheckLevel::full, .guard_sample = 5}));
    EXPECT_EQ(secure({.check = CheckLevel::off}), Settings{});
    EXPECT_EQ(secure({.check = CheckLevel::paranoid}).check, CheckLevel::paranoid);
}

TEST(Settings, ReadReportsWrongValuesAndUnknownNames) {
    for (const char* wrong :
         {"ASHLAR_STATS=yes", "ASHLAR_STATS=2", "ASHLAR_BACKGROUND=on", "ASHLAR_BACKGROUND=10",
          "ASHLAR_CHECK=1", "ASHLAR_CHECK=standard", "ASHLAR_CHECK=fulll", "ASHLAR_FAIL_NTH=x",
          "ASHLAR_FAIL_NTH=5@", "ASHLAR_LIMIT=1G", "ASHLAR_LIMIT=soft:1G,",
          "ASHLAR_LIMIT=soft:1G,soft:2G", "ASHLAR_LIMIT=soft:0", "ASHLAR_LIMIT=hard:1Gx",
          "ASHLAR_LIMIT=soft:2G,hard:1G", "ASHLAR_LIMIT=hard:80%,soft:81%",
          "ASHLAR_GUARD_SAMPLE=1K", "ASHLAR_GUARD_SAMPLE=x", "ASHLAR_GUARD_SAMPLE=1000000001"}) {
        const Result result = read_all({wrong});
        EXPECT_EQ(result.complaints, Complaints{wrong});
        EXPECT_EQ(result.settings, Settings{}) << wrong;
    }
    const Result both = read_all({"ASHLAR_STAT=1", "ASHLAR_STATS=no", "ASHLAR_BACKGROUND=0"});
    EXPECT_EQ(both.complaints, (Complaints{"ASHLAR_STAT?", "ASHLAR_STATS=no"}));
    EXPECT_EQ(both.settings.background, Background::off);
}

constexpr Settings kExpected = {.background = Background::on,
                                .check = CheckLevel::paranoid,
                                .soft_limit = {5, true},
                                .hard_limit = {999999999999999999U, false},
                                .guard_sample = 77,
                                .report = ReportLevel::full,
                                .report_action = {ReportAction::Kind::signal, 64},
                                .stacks = 9999999,
                                .report_file = {"/a/path/of/more/than/seven/bytes.%p"}};

// Exits with 0 if four threads at a time, and a later change, see the same.
[[noreturn]] void read_from_four_threads() {
    bool same[4] = {};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (bool& result : same) threads.emplace_back([&] { result = environment() == kExpected; });
    for (std::thread& thread : threads) thread.join();
    ::setenv("ASHLAR_BACKGROUND", "0", 1);
    const bool all = same[0] && same[1] && same[2] && same[3];
    ::_exit(all && environment() == kExpected ? 0 : 1);
}

// The environment is read once in a process, so these fork.
TEST(Settings, EnvironmentIsReadOnceByAnyThread) {
    ::setenv("ASHLAR_BACKGROUND", "1", 1);
    ::setenv("ASHLAR_CHECK", "paranoid", 1);
    ::setenv("ASHLAR_LIMIT", "soft:5%,hard:999999999999999999", 1);
    ::setenv("ASHLAR_GUARD_SAMPLE", "77", 1);
    ::setenv("ASHLAR_REPORT", "full", 1);
    ::setenv("ASHLAR_REPORT_ACTION", "signal:64", 1);
    ::setenv("ASHLAR_REPORT_FILE", kExpected.report_file.text, 1);
    ::setenv("ASHLAR_STACKS", "9999999", 1);
    EXPECT_EXIT(read_from_four_threads(), testing::ExitedWithCode(0), "^$");
}

TEST(Settings, EnvironmentIsReadLaterIfThereIsNoneYet) {
    const auto read_twice = [] {
        ::clearenv();
        const bool none = environment() == Settings{};
        ::setenv("ASHLAR_STATS", "1", 1);
        ::_exit(none && environment().statistics ? 0 : 1);
    };
    EXPECT_EXIT(read_twice(), testing::ExitedWithCode(0), "^$");
}

TEST(Settings, EnvironmentPrintsALineForEachFault) {
    for (const char* name :
         {"ASHLAR_BACKGROUND", "ASHLAR_CHECK", "ASHLAR_LIMIT", "ASHLAR_GUARD_SAMPLE",
          "ASHLAR_REPORT", "ASHLAR_REPORT_ACTION", "ASHLAR_REPORT_FILE", "ASHLAR_STACKS"}) {
        ::unsetenv(name);
    }
    ::setenv("ASHLAR_STAT", "1", 1);
    ::setenv("ASHLAR_STATS", "\x1b\n", 1);
    EXPECT_EXIT(::_exit(environment() == Settings{} && environment() == Settings{} ? 0 : 1),
                testing::ExitedWithCode(0),
                "^ashlar: ASHLAR_STAT: no such setting, the nearest is ASHLAR_STATS\n"
                "ashlar: ASHLAR_STATS=\\?\\?: ignored, expected 0 or 1\n$");
}

}  // namespace
