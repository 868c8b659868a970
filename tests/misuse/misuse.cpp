// misuse CASE SIZE: one fault over blocks of one size, in a process of its own
// under the drop-in. It must end by abort() after exactly one line that names
// fault, address and block size, at the call itself or when the block goes back
// to its slab. A write into free memory must do no harm instead.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "blocks.hpp"
#include "cases.hpp"
#include "child.hpp"

namespace misuse {
namespace {

Ending commit_in_child(const Case& fault, std::size_t size) {
    return run_in_child([&fault, size] {
        // At exit the child of a fork does not look at its caches.
        if (std::getenv("MISUSE_EXITS") != nullptr) {
            execl("/proc/self/exe", "misuse", fault.name, std::to_string(size).c_str(), "--here",
                  static_cast<char*>(nullptr));
        }
        fault.commit(size);
    });
}

/// The line with which the child must end, or its beginning. `announced` is the
/// child's earlier output: the address and the size of its block.
std::string expected_line(const Case& fault, const std::string& announced) {
    const std::size_t space = announced.find(' ');
    std::string detail = fault.detail;
    const std::size_t place = detail.find("SIZE");
    if (place != std::string::npos) detail.replace(place, 4, announced.substr(space + 1));
    return std::string("ashlar: ") + fault.fault + " of " + announced.substr(0, space) + " (" +
           detail + (detail.back() == ' ' ? "" : ")\n");
}

bool begins_with(const std::string& text, const std::string& begin) {
    return text.compare(0, begin.size(), begin) == 0;
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

Seen when(const Case& fault, std::size_t size) {
    const char* const level = std::getenv("ASHLAR_CHECK");
    const Case::When& all = level == nullptr || *level == '\0' ? fault.by_default : fault.full;
    return size > largest_with_a_bin  ? all.larger
           : size > largest_in_a_slab ? all.in_run
                                      : all.in_slab;
}

// One line alone. Which of several blocks it names is the allocator's choice.
bool is_told_on_reuse(const Case& fault, const Ending& ending) {
    return WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGABRT &&
           begins_with(ending.written, std::string("ashlar: ") + fault.fault + " of 0x") &&
           ending.written.find(std::string(" (") + fault.detail) != std::string::npos &&
           ending.written.find('\n') == ending.written.size() - 1;
}

// At paranoid free units can't be touched, and a write into any other byte of
// free memory is told.
bool is_told_or_faults(const Case& fault, const Ending& ending) {
    const bool faults = WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGSEGV;
    return (faults && ending.written.empty()) || is_told_on_reuse(fault, ending);
}

// "expected ADDRESS SIZE", the output of the call, "the call is over", and
// later output.
bool is_right(const Case& fault, std::size_t size, const Ending& ending) {
    const Seen seen = when(fault, size);
    if (is_paranoid() && std::strcmp(fault.fault, "write after free") == 0)
        return is_told_or_faults(fault, ending);
    const bool good_end = WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 0;
    if (seen == Seen::harmless) return good_end && ending.written.empty();
    if (seen == Seen::never) return good_end && ends_with(ending.written, call_is_over);
    if (seen == Seen::on_reuse) return is_told_on_reuse(fault, ending);
    if (!WIFSIGNALED(ending.status) || WTERMSIG(ending.status) != SIGABRT) return false;
    const std::string head = "expected ";
    const std::size_t end = ending.written.find('\n');
    if (ending.written.compare(0, head.size(), head) != 0 || end == std::string::npos) return false;
    const std::string announced = ending.written.substr(head.size(), end - head.size());
    const std::string said = ending.written.substr(end + 1);
    // Nothing tells the size of a run of units any more that went back before.
    const std::string gone = "ashlar: double free of " + announced.substr(0, announced.find(' ')) +
                             " (no block there any more)\n";
    const std::size_t last = said.rfind("ashlar: ");
    if (last == std::string::npos || !ends_with(said, "\n")) return false;
    const bool named = begins_with(said.substr(last), expected_line(fault, announced));
    const bool unnamed = size > largest_in_a_slab &&
                         fault.detail == std::string("SIZE-byte block") && ends_with(said, gone);
    if (!named && !unnamed) return false;
    const std::string between = said.substr(0, last);
    return seen == Seen::at_once ? between.empty()
                                 : between.compare(0, std::strlen(call_is_over), call_is_over) == 0;
}

}  // namespace
}  // namespace misuse

int main(int argc, char** argv) {
    using namespace misuse;
    if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
        for (const Case& fault : cases) std::puts(fault.name);
        return 0;
    }
    if (argc != 3 && argc != 4) {
        std::fputs("usage: misuse CASE SIZE [--here] | misuse --list\n", stderr);
        return 2;
    }
    const std::size_t size = std::strtoul(argv[2], nullptr, 10);
    for (const Case& fault : cases) {
        if (std::strcmp(fault.name, argv[1]) != 0) continue;
        if (argc == 4) {
            fault.commit(size);
            return 0;
        }
        const Ending ending = commit_in_child(fault, size);
        if (is_right(fault, size, ending)) return 0;
        std::printf("%s of %zu bytes: ended with status 0x%x and wrote:\n%s", fault.name, size,
                    static_cast<unsigned>(ending.status), ending.written.c_str());
        return 1;
    }
    std::fprintf(stderr, "misuse: there is no case %s\n", argv[1]);
    return 2;
}
