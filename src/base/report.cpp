#include "base/report.hpp"

#include <unistd.h>
#include <cstdlib>

#include "base/atomic.hpp"
#include "base/line.hpp"
#include "base/quiet_writes.hpp"

namespace ashlar::base {

namespace {
constinit Atomic<Ending> at_end{};
}  // namespace

// Relaxed, both: it refers to code, and to nothing else.
void set_ending(Ending ending) noexcept { at_end.store(ending, rlx); }

void end_program(Line& line, Misuse kind, const void* pointer, std::size_t size) noexcept {
    Report report{kind, pointer, size, nullptr};
    end_program(line, report);
}

void end_program(Line& line, Report& report) noexcept {
    report_signal(line, report);
    std::abort();
}

void report_signal(Line& line, Report& report) noexcept {
    {
        QuietWrites quiet;
        quiet.see(line.write(STDERR_FILENO));
    }
    report.line = line.terminated();
    // Relaxed: as in set_ending().
    const Ending ending = at_end.load(rlx);
    if (ending != nullptr) return ending(report);
    if (report.more != nullptr) report.more(STDERR_FILENO, report.subject);
}

void report_double_free(const void* block, std::size_t block_size) noexcept {
    Line line;
    line.text("ashlar: double free of ").pointer(block).text(" (");
    if (block_size == 0) {
        line.text("no block there any more)");
    } else {
        line.number(block_size).text("-byte block)");
    }
    end_program(line, Misuse::double_free, block, block_size);
}

void report_inside(const void* pointer, std::size_t block_size) noexcept {
    Line line;
    line.text("ashlar: invalid free of ").pointer(pointer);
    line.text(" (inside a ").number(block_size).text("-byte block)");
    end_program(line, Misuse::invalid_free, pointer, block_size);
}

void report_foreign(const void* pointer) noexcept {
    Line line;
    line.text("ashlar: invalid free of ").pointer(pointer).text(" (not from this heap)");
    end_program(line, Misuse::invalid_free, pointer, 0);
}

void report_wrong_size(const void* block, std::size_t block_size, std::size_t given) noexcept {
    Line line;
    line.text("ashlar: wrong size in free of ").pointer(block).text(" (").number(block_size);
    line.text("-byte block, freed as ").number(given).text(" bytes)");
    end_program(line, Misuse::wrong_size, block, block_size);
}

void report_write_after_free(const void* block, std::size_t block_size, std::size_t at) noexcept {
    Line line;
    line.text("ashlar: write after free of ").pointer(block).text(" (at offset ").number(at);
    line.text(" of a ").number(block_size).text("-byte block)");
    end_program(line, Misuse::write_after_free, block, block_size);
}

void report_overflow(const void* block, std::size_t size, std::size_t at) noexcept {
    Line line;
    line.text("ashlar: overflow of ").pointer(block).text(" (").number(size);
    line.text("-byte block, written ").number(at).text(" bytes behind its end)");
    end_program(line, Misuse::overflow, block, size);
}

void report_corruption(const void* where, const char* what) noexcept {
    Line line;
    line.text("ashlar: heap corruption at ").pointer(where).text(" (").text(what).text(")");
    end_program(line, Misuse::corruption, where, 0);
}

void report_finding(const void* where, const char* what) noexcept {
    Line line;
    line.text("ashlar: check: ").text(what).text(" at ").pointer(where).write(STDERR_FILENO);
}

}  // namespace ashlar::base
