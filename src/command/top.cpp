#include "command/top.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <thread>

#include "command/program.hpp"
#include "command/target.hpp"
#include "command/terminal.hpp"
#include "command/top_table.hpp"

namespace ashlar::command {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCannotWrite = 2;
constexpr unsigned kNoteLooks = 5;  // in which a note is shown
// A process without a heap is looked at again: it may run another program by
// then. Often at its beginning, then seldom.
constexpr unsigned kEarlyLooks = 4;
constexpr unsigned kLooksApart = 8;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

/// The processes that are shown, and what the last two looks saw of them.
class Watch {
  public:
    explicit Watch(const std::vector<int>& pids) : named_(!pids.empty()) {
        for (const int pid : pids) {
            Process process;
            const inspect::Found found = find(pid, true, process);
            if (found != inspect::Found::heap) explain(Target(pid).name(), found);
            watched_[pid].looks.process = process;
        }
    }

    void look() {
        if (!named_) find_more();
        notes_.clear();
        for (auto at = watched_.begin(); at != watched_.end();) {
            const bool there = look_at(at->second);
            if (!there) note(at->second.looks.process);
            at = there ? std::next(at) : watched_.erase(at);
        }
    }

    [[nodiscard]] std::vector<TopRow> rows() const {
        std::vector<TopRow> rows;
        for (const auto& [pid, each] : watched_) rows.push_back(row_of(each.looks));
        return rows;
    }
    /// Of the last look: processes that are no longer there.
    [[nodiscard]] const std::vector<TopNote>& notes() const { return notes_; }
    /// All named processes have ended.
    [[nodiscard]] bool is_over() const { return named_ && watched_.empty(); }

  private:
    struct Watched {
        Looks looks;
        Clock::time_point time;
        bool seen = false;
    };

    void find_more() {
        std::map<int, unsigned> without;
        for (const int pid : all_processes()) {
            if (watched_.count(pid) != 0) continue;
            const auto earlier = without_.find(pid);
            const unsigned looks = earlier == without_.end() ? 0 : earlier->second;
            Process process;
            if ((looks < kEarlyLooks || looks % kLooksApart == 0) &&
                find(pid, false, process) == inspect::Found::heap) {
                watched_[pid].looks.process = std::move(process);
            } else {
                without[pid] = looks + 1;
            }
        }
        without_ = std::move(without);
    }

    static bool look_at(Watched& one) {
        const Clock::time_point now = Clock::now();
        one.looks.before = one.looks.now;
        if (!observe(one.looks.process, one.looks.now)) return false;
        one.looks.seconds = one.seen ? seconds_between(one.time, now) : 0;
        one.time = now;
        one.seen = true;
        return true;
    }

    void note(const Process& process) {
        const bool ended = start_of(process.pid) != process.started;
        notes_.push_back(
            {process.pid, process.command, ended ? "has ended" : "has no heap of Ashlar any more"});
    }

    bool named_;
    std::map<int, Watched> watched_;
    std::map<int, unsigned> without_;  // processes without a heap: how many looks
    std::vector<TopNote> notes_;
};

std::string note_line(const TopNote& note) {
    return "process " + std::to_string(note.pid) + " (" + printable(note.command) + ") " +
           note.text + '\n';
}

void print(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
        std::fflush(stdout) != 0) {
        throw Failure(kCannotWrite, "the processes could not be written");
    }
}

std::string head_line(std::size_t count, const TopQuestion& question) {
    return "ashlar top: " + std::to_string(count) + (count == 1 ? " process" : " processes") +
           ", every " + std::to_string(question.milliseconds) + " ms\n";
}

/// The table on the screen: sorted rows, one of them selected, and its sizes.
class Screen {
  public:
    Screen(const TopQuestion& question, std::size_t column)
        : question_(question), column_(column) {}

    void update(const Watch& watch) {
        rows_ = watch.rows();
        for (Note& each : notes_) --each.looks;
        notes_.erase(std::remove_if(notes_.begin(), notes_.end(),
                                    [](const Note& each) { return each.looks == 0; }),
                     notes_.end());
        for (const TopNote& each : watch.notes()) notes_.push_back({note_line(each), kNoteLooks});
    }

    // A key changes the selection, or the column to sort by: "pid" is the last.
    void take(Key key) {
        constexpr std::size_t kColumns = kTopColumns + 1;
        if (key == Key::up && selected_ > 0) --selected_;
        if (key == Key::down) ++selected_;
        if (key == Key::right) column_ = (column_ + 1) % kColumns;
        if (key == Key::left) column_ = (column_ + kColumns - 1) % kColumns;
    }

    void draw(const Terminal& terminal) {
        const auto height = static_cast<std::size_t>(terminal.rows());
        const auto width = static_cast<std::size_t>(terminal.columns());
        sort(rows_, column_);
        selected_ = std::min(selected_, rows_.empty() ? 0 : rows_.size() - 1);
        // Half of the screen for processes, the rest for the sizes of one.
        const std::size_t most = std::max<std::size_t>(height / 2, 4) - 3;
        const std::size_t first = selected_ < most ? 0 : selected_ - most + 1;
        std::string text = head_line(rows_.size(), question_) + kKeys;
        text += title_line(column_, width);
        std::size_t lines = 3;
        for (std::size_t i = first; i < rows_.size() && i < first + most; ++i, ++lines)
            text += process_line(rows_[i], width);
        for (const Note& each : notes_) text += each.text;
        lines += notes_.size() + 2;
        if (!rows_.empty() && lines < height)
            text += '\n' + class_lines(rows_[selected_], height - lines);
        terminal.draw(text, rows_.empty() ? -1 : static_cast<int>(3 + selected_ - first));
    }

  private:
    static constexpr const char* kKeys = "q: quit   up, down: select   <, >: sort by\n";
    struct Note {
        std::string text;
        unsigned looks;
    };

    const TopQuestion& question_;
    std::size_t column_;
    std::size_t selected_ = 0;
    std::vector<TopRow> rows_;
    std::vector<Note> notes_;
};

int watch_on_screen(const TopQuestion& question, Watch& watch, std::size_t column) {
    std::string last;
    {
        Terminal terminal;
        Screen screen(question, column);
        for (;;) {
            const auto next = Clock::now() + std::chrono::milliseconds(question.milliseconds);
            watch.look();
            screen.update(watch);
            last.clear();
            for (const TopNote& each : watch.notes()) last += note_line(each);
            if (watch.is_over()) break;
            for (;;) {
                screen.draw(terminal);
                const auto left =
                    std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
                const Key key = terminal.wait(static_cast<int>(std::max<long>(left, 0)));
                if (key == Key::quit) return 0;
                screen.take(key);
                if (Clock::now() >= next) break;
            }
        }
    }
    print(last);
    return 0;
}

void print_look(const TopQuestion& question, const Watch& watch, std::size_t column,
                double seconds) {
    constexpr std::size_t kWide = 1000;
    constexpr std::size_t kClasses = 10;
    std::vector<TopRow> rows = watch.rows();
    sort(rows, column);
    if (question.json) return print(json_line(rows, watch.notes(), seconds));
    std::string text = title_line(column, kWide);
    for (const TopRow& each : rows) text += process_line(each, kWide);
    for (const TopNote& each : watch.notes()) text += note_line(each);
    if (!rows.empty() && question.once) text += '\n' + class_lines(rows.front(), kClasses);
    print(text + '\n');
}

}  // namespace

int watch_processes(const TopQuestion& question) {
    const std::size_t column = column_of(question.sort).value_or(0);
    Watch watch(question.processes);
    if (!question.once && !question.json && ::isatty(STDOUT_FILENO) == 1)
        return watch_on_screen(question, watch, column);
    const auto begin = Clock::now();
    for (auto next = begin;; std::this_thread::sleep_until(next)) {
        const bool first = next == begin;
        next += std::chrono::milliseconds(question.milliseconds);
        watch.look();
        // A single answer has rates as well: it comes with the second look.
        if (question.once && first && !watch.is_over()) continue;
        print_look(question, watch, column, seconds_between(begin, Clock::now()));
        if (question.once || watch.is_over()) return 0;
    }
}

}  // namespace ashlar::command
