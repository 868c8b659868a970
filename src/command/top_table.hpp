// What `ashlar top` shows of one look at all processes, as text or JSON.
#ifndef ASHLAR_COMMAND_TOP_TABLE_HPP
#define ASHLAR_COMMAND_TOP_TABLE_HPP

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/processes.hpp"

namespace ashlar::command {

/// A process as two looks saw it. In the first look both are the same, and
/// `seconds` is 0.
struct Looks {
    Process process;
    inspect::Result before{}, now{};
    double seconds = 0;
};

struct TopClass {
    std::uint64_t size;  // 0: all runs over 2 MiB
    std::uint64_t slabs, live, cached, depot, free;
    std::uint64_t bytes;            // of the slabs
    std::optional<double> refills;  // of caches, per second
    std::optional<double> change;   // of live blocks, per second
};

constexpr std::size_t kTopColumns = 12;

struct TopRow {
    int pid = 0;
    std::string command;
    /// As kTopColumnNames has them. Without a value: the first look at a
    /// process has no rates.
    std::array<std::optional<double>, kTopColumns> values;
    std::vector<TopClass> classes;  // the most bytes first
};

/// Values of a row, but for the first two resident bytes that add up to `rss`:
/// the two rates are calls per second.
constexpr std::array<const char*, kTopColumns> kTopColumnNames = {
    "rss",   "live",  "refills", "calls", "mapped",   "cached",
    "depot", "slabs", "kept",    "dirty", "metadata", "other"};

/// The number of a column; "pid" has kTopColumns. Empty: there is none.
std::optional<std::size_t> column_of(const std::string& name);

TopRow row_of(const Looks& looks);

/// The largest value first; by "pid" the smallest.
void sort(std::vector<TopRow>& rows, std::size_t column);

/// The head line of processes, and the line of one; as many columns as fit.
std::string title_line(std::size_t column, std::size_t width);
std::string process_line(const TopRow& row, std::size_t width);
/// The head and at most `most` lines of the sizes of a process.
std::string class_lines(const TopRow& row, std::size_t most);

struct TopNote {
    int pid;
    std::string command, text;
};

/// One JSON object, in one line.
std::string json_line(const std::vector<TopRow>& rows, const std::vector<TopNote>& notes,
                      double seconds);

/// The text with a question mark for each character that a terminal may take
/// for a command.
std::string printable(const std::string& text);

}  // namespace ashlar::command

#endif
