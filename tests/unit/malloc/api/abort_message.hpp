// For death tests: the misuse must end in abort(), after exactly one line on
// stderr. The line names the fault, the address and the size.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_ABORT_MESSAGE_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_ABORT_MESSAGE_HPP

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

// The dying process calls this just before the misuse, to say which address and
// block size the line must name.
inline void announce(const void* address, std::size_t block_size = 0) {
    std::fprintf(stderr, "expected %p %zu\n", address, block_size);
}

// Matches the output of the dying process if it is the announcement and then
// the line, with nothing between or behind.
class AbortMessage {
  public:
    using is_gtest_matcher = void;

    // `detail` is the text in the brackets, in which SIZE stands for the
    // announced block size. `other_detail` is accepted too.
    AbortMessage(std::string fault, const std::string& detail, std::string other_detail = "")
        : fault_(std::move(fault)), detail_(detail),
          other_detail_(other_detail.empty() ? detail : std::move(other_detail)) {}

    bool MatchAndExplain(const std::string& written, std::ostream*) const {
        const std::size_t start = written.find("expected ");
        const std::size_t end = written.find('\n', start);
        if (start == std::string::npos || end == std::string::npos) return false;
        const std::string announced = written.substr(start + 9, end - start - 9);
        const std::size_t space = announced.find(' ');
        const std::string address = announced.substr(0, space);
        const std::string size = announced.substr(space + 1);
        const std::string lines = written.substr(end + 1);
        return lines == line(address, detail_, size) || lines == line(address, other_detail_, size);
    }
    void DescribeTo(std::ostream* out) const { *out << line("(the address)", detail_, "SIZE"); }
    void DescribeNegationTo(std::ostream* out) const {
        *out << "anything but " << line("(the address)", detail_, "SIZE");
    }

  private:
    [[nodiscard]] std::string line(const std::string& address, std::string detail,
                                   const std::string& size) const {
        const std::size_t place = detail.find("SIZE");
        if (place != std::string::npos) detail.replace(place, 4, size);
        return "ashlar: " + fault_ + " of " + address + " (" + detail + ")\n";
    }

    std::string fault_;
    std::string detail_;
    std::string other_detail_;
};

using MessageMatcher = testing::Matcher<const std::string&>;

inline MessageMatcher double_free() { return AbortMessage("double free", "SIZE-byte block"); }
// The same, for a fault that is found when the block leaves a cache. A run of
// units that was freed before has lost its size by then.
inline MessageMatcher late_double_free(std::size_t requested) {
    constexpr std::size_t largest_in_a_slab = 32 * 1024;
    if (requested <= largest_in_a_slab) return double_free();
    return AbortMessage("double free", "SIZE-byte block", "no block there any more");
}
inline MessageMatcher inside() { return AbortMessage("invalid free", "inside a SIZE-byte block"); }
inline MessageMatcher foreign() { return AbortMessage("invalid free", "not from this heap"); }
inline MessageMatcher wrong_size(std::size_t claimed) {
    return AbortMessage("wrong size in free",
                        "SIZE-byte block, freed as " + std::to_string(claimed) + " bytes");
}

#define EXPECT_ABORT(statement, matcher) \
    EXPECT_EXIT(statement, testing::KilledBySignal(SIGABRT), matcher)

#endif
