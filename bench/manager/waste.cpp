// ashlar_manager_waste: the memory that each subject needs for the same calls.
// Prints three tables in Markdown. Nothing is timed, and each run prints the
// same figures (with threads' caches: nearly).
//
//   waste          the smallest buffer in which the trace succeeds, per byte of
//                  the live peak
//   failure        how full a buffer is when the first call fails, if each four
//                  replacements are followed by another block
//   fragmentation  1 - largest / free at the end of the trace, in a buffer of
//                  twice the live bytes
//
// usage: ashlar_manager_waste [--live N] [--smoke]
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "subjects.hpp"
#include "traces.hpp"

namespace {

using namespace bench;

std::size_t whole(double bytes) {
    return (static_cast<std::size_t>(bytes) + 63) & ~std::size_t{63};
}

/// Whether all calls of the trace succeed; then calls at_end(subject).
template <class Subject, class AtEnd>
bool replay(const Trace& trace, std::size_t capacity, AtEnd at_end) {
    const Buffer buffer(capacity);
    Subject subject(buffer.bytes());
    std::vector<typename Subject::Block> blocks(trace.slots);
    for (const Trace::Step step : trace.steps) {
        if (step.size == 0) {
            subject.give(blocks[step.slot]);
        } else if ((blocks[step.slot] = subject.take(step.size)) == Subject::none) {
            return false;
        }
    }
    at_end(subject);
    return true;
}

/// The smallest buffer, to 1/256 of the live bytes.
template <class Subject>
double waste(const Trace& trace) {
    const auto peak = static_cast<double>(trace.peak);
    double fits = peak;
    double fails = 0;
    while (!replay<Subject>(trace, whole(fits), [](Subject&) {})) {
        fails = fits;
        fits *= 1.5;
    }
    if (fails == 0) return 1;
    while (fits - fails > peak / 256) {
        const double middle = (fits + fails) / 2;
        (replay<Subject>(trace, whole(middle), [](Subject&) {}) ? fits : fails) = middle;
    }
    return fits / peak;
}

/// The largest block that the subject can allocate now.
template <class Subject>
std::size_t largest(Subject& subject, std::size_t capacity) {
    std::size_t given = 0;
    std::size_t refused = capacity + 1;
    while (refused - given > 1) {
        const std::size_t middle = given + (refused - given) / 2;
        const auto block = subject.take(middle);
        if (block != Subject::none) subject.give(block);
        (block != Subject::none ? given : refused) = middle;
    }
    return given;
}

template <class Subject>
double fragmentation(const Trace& trace) {
    std::uint64_t live = 0;
    std::vector<std::uint32_t> sizes(trace.slots);
    for (const Trace::Step step : trace.steps) {
        live += step.size;
        live -= step.size == 0 ? sizes[step.slot] : 0;
        sizes[step.slot] = step.size;
    }
    const std::size_t capacity = whole(2.0 * static_cast<double>(trace.peak));
    double found = 1;  // the trace does not fit
    replay<Subject>(trace, capacity, [&](Subject& subject) {
        found = 1 - static_cast<double>(largest(subject, capacity)) /
                        static_cast<double>(capacity - live);
    });
    return found;
}

template <class Subject>
double failure(Sizes sizes, std::size_t live) {
    const std::size_t capacity = whole(Drawn(sizes).mean() * static_cast<double>(live));
    const Buffer buffer(capacity);
    Subject subject(buffer.bytes());
    Random random(live);
    struct Live {
        typename Subject::Block block;
        std::uint32_t size;
    };
    std::vector<Live> blocks;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0;; ++i) {
        if (i % 5 != 0) {
            Live& gone = blocks[random.below(blocks.size())];
            subject.give(gone.block);
            bytes -= gone.size;
            gone = blocks.back();
            blocks.pop_back();
        }
        const std::uint32_t size = draw(sizes, random);
        const auto block = subject.take(size);
        if (block == Subject::none)
            return static_cast<double>(bytes) / static_cast<double>(capacity);
        blocks.push_back({block, size});
        bytes += size;
    }
}

struct Row {
    std::string subject;
    std::vector<double> waste, failure, fragmentation;
};

struct Question {
    std::string title;
    Sizes sizes;
    Trace trace;
    bool failure;
};

template <class Subject>
Row row(const char* name, const std::vector<Question>& questions, std::size_t live) {
    Row made{name, {}, {}, {}};
    for (const Question& question : questions) {
        made.waste.push_back(waste<Subject>(question.trace));
        made.fragmentation.push_back(fragmentation<Subject>(question.trace));
        if (question.failure) made.failure.push_back(failure<Subject>(question.sizes, live));
    }
    return made;
}

void print(const char* title, const std::vector<std::string>& columns, const std::vector<Row>& rows,
           std::vector<double> Row::*figures, double scale, const char* format) {
    std::printf("| %s |", title);
    for (const std::string& column : columns) std::printf(" %s |", column.c_str());
    std::printf("\n|---|");
    for (std::size_t i = 0; i < columns.size(); ++i) std::printf("---|");
    for (const Row& row : rows) {
        std::printf("\n| %s |", row.subject.c_str());
        for (const double figure : row.*figures) {
            std::printf(" ");
            std::printf(format, figure * scale);
            std::printf(" |");
        }
    }
    std::printf("\n\n");
}

std::size_t live_from(int count, char** arguments) {
    std::size_t live = 10'000;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--smoke") {
            live = 200;
        } else if (argument == "--live" && i + 1 < count) {
            const std::string_view value = arguments[++i];
            if (std::from_chars(value.data(), value.data() + value.size(), live).ec !=
                    std::errc{} ||
                live == 0)
                return 0;
        } else {
            return 0;
        }
    }
    return live;
}

}  // namespace

int main(int count, char** arguments) {
    const std::size_t live = live_from(count, arguments);
    if (live == 0) {
        std::fprintf(stderr, "usage: ashlar_manager_waste [--live N] [--smoke]\n");
        return 2;
    }
    std::vector<Question> questions;
    std::vector<std::string> titles, sizes_only;
    for (const Sizes sizes : all_sizes) {
        questions.push_back({name_of(sizes), sizes, replacements(sizes, live), true});
        sizes_only.emplace_back(name_of(sizes));
    }
    for (const Sizes sizes : all_sizes)
        questions.push_back(
            {std::string(name_of(sizes)) + ", waves", sizes, waves(sizes, live), false});
    for (const Question& question : questions) titles.push_back(question.title);

    std::vector<Row> rows;
    const auto add = [&]<class Subject>(const char* name) {
        rows.push_back(row<Subject>(name, questions, live));
    };
    each_for_one_thread(add);
    each_exact(add);
    print("waste", titles, rows, &Row::waste, 1, "%.3f");
    print("full at the first failure, %", sizes_only, rows, &Row::failure, 100, "%.1f");
    print("fragmentation, %", titles, rows, &Row::fragmentation, 100, "%.1f");
    return 0;
}
