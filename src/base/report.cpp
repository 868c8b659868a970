#include "base/report.hpp"

#include <unistd.h>
#include <cstdlib>

#include "base/line.hpp"

namespace ashlar::base {

namespace {
[[noreturn]] void end(Line& line) noexcept {
    line.write(STDERR_FILENO);
    std::abort();
}
}  // namespace

void report_double_free(const void* block, std::size_t block_size) noexcept {
    Line line;
    line.text("ashlar: double free of ").pointer(block).text(" (");
    if (block_size == 0) end(line.text("no block there any more)"));
    end(line.number(block_size).text("-byte block)"));
}

void report_inside(const void* pointer, std::size_t block_size) noexcept {
    Line line;
    end(line.text("ashlar: invalid free of ")
            .pointer(pointer)
            .text(" (inside a ")
            .number(block_size)
            .text("-byte block)"));
}

void report_foreign(const void* pointer) noexcept {
    Line line;
    end(line.text("ashlar: invalid free of ").pointer(pointer).text(" (not from this heap)"));
}

void report_wrong_size(const void* block, std::size_t block_size, std::size_t given) noexcept {
    Line line;
    line.text("ashlar: wrong size in free of ")
        .pointer(block)
        .text(" (")
        .number(block_size)
        .text("-byte block, freed as ");
    end(line.number(given).text(" bytes)"));
}

void report_write_after_free(const void* block, std::size_t block_size, std::size_t at) noexcept {
    Line line;
    line.text("ashlar: write after free of ").pointer(block).text(" (at offset ").number(at);
    end(line.text(" of a ").number(block_size).text("-byte block)"));
}

void report_overflow(const void* block, std::size_t size, std::size_t at) noexcept {
    Line line;
    line.text("ashlar: overflow of ").pointer(block).text(" (").number(size);
    end(line.text("-byte block, written ").number(at).text(" bytes behind its end)"));
}

void report_corruption(const void* where, const char* what) noexcept {
    Line line;
    end(line.text("ashlar: heap corruption at ").pointer(where).text(" (").text(what).text(")"));
}

void report_finding(const void* where, const char* what) noexcept {
    Line line;
    line.text("ashlar: check: ").text(what).text(" at ").pointer(where).write(STDERR_FILENO);
}

}  // namespace ashlar::base
