// reports CASE: one fault in a process of its own under the drop-in, with the
// settings of the case. The parent compares how it ends, and what it writes on
// stderr and into the report's file.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "report_faults.hpp"

namespace {

using namespace misuse;

struct Case {
    const char* name;
    void (*commit)();
    std::vector<const char*> settings;
    int signal;  // that ends the program; 0: it exits
    int status;
    const char* on_stderr;  // expressions, of the whole text
    const char* in_file;    // nullptr: there is none
};

#define LINE "ashlar: double free of 0x[0-9a-f]+ \\(48-byte block\\)\n"
#define HEX "(  0x[0-9a-f]+:( [0-9a-f]{2}){16}\n)"
#define STACK "(#[0-9]+ 0x[0-9a-f]+( [^\n]+\\+0x[0-9a-f]+)?\n)+"
#define BLOCKS(state)                                                        \
    "  block     0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, " state               \
    "\n"                                                                     \
    "  slab      0x[0-9a-f]+, class 3, 64 KiB: 1365 blocks, [0-9]+ not free" \
    " in it\n(  (before|after )    0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, [a-z: ]+\n){1,2}"
#define FOUND "found by thread [0-9]+ of process [0-9]+:\n" STACK
#define FULL BLOCKS("free: in the cache of a thread") HEX "{4}" FOUND

#define SAMPLED "ASHLAR_GUARD_SAMPLE=1"
#define CALLS " thread [0-9]+:\n" STACK
#define ALLOCATED "ashlar: allocated by" CALLS
#define SAMPLED_LINE "ashlar: double free of 0x[0-9a-f]+ \\(40-byte block\\)\n"
#define FAULT_LINE                                         \
    "ashlar: use after free: (write|access) to 0x[0-9a-f]" \
    "+, byte 3 of a block of 40 bytes, which is free\n"

const Case cases[] = {
    {"line", free_twice, {}, SIGABRT, 0, LINE, nullptr},
    {"full", free_twice, {"ASHLAR_REPORT=full"}, SIGABRT, 0, LINE FULL, nullptr},
    {"in_a_signal_handler",
     in_a_signal_handler,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     LINE FULL,
     nullptr},
    {"in_another_thread",
     in_another_thread,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     LINE FULL,
     nullptr},
    {"with_a_garbled_slab",
     with_a_garbled_slab,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     LINE FULL,
     nullptr},
    {"with_garbled_tables",
     with_garbled_tables,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     LINE "  place     in a heap whose tables are damaged\n" HEX "{4}" FOUND,
     nullptr},
    {"in_a_file",
     free_twice,
     {"ASHLAR_REPORT=full", "ASHLAR_REPORT_FILE=report.%p"},
     SIGABRT,
     0,
     LINE,
     LINE FULL},
    {"line_in_a_file", free_twice, {"ASHLAR_REPORT_FILE=report.%p"}, SIGABRT, 0, LINE, LINE},
    {"in_no_such_file",
     free_twice,
     {"ASHLAR_REPORT=full", "ASHLAR_REPORT_FILE=/no/such/folder"},
     SIGABRT,
     0,
     LINE FULL,
     nullptr},
    {"without_stderr",
     without_stderr,
     {"ASHLAR_REPORT=full", "ASHLAR_REPORT_FILE=report.%p"},
     SIGABRT,
     0,
     "",
     LINE FULL},
    {"closed_stderr", without_stderr, {"ASHLAR_REPORT=full"}, SIGABRT, 0, "", nullptr},
    {"with_a_handler",
     with_a_handler,
     {},
     SIGABRT,
     0,
     LINE "handler mine: 1 48 stack \\[ashlar: double free of [^\n]*\\)\\]\n",
     nullptr},
    {"without_the_handler", without_the_handler, {}, SIGABRT, 0, LINE, nullptr},
    {"with_a_handler_that_exits", with_a_handler_that_exits, {}, 0, 9, LINE, nullptr},
    {"with_a_handler_that_jumps",
     with_a_handler_that_jumps,
     {},
     0,
     0,
     LINE "jump\n" LINE "jump\n",
     nullptr},
    {"with_a_handler_that_frees_twice",
     with_a_handler_that_frees_twice,
     {"ASHLAR_REPORT_ACTION=exit:4"},
     0,
     4,
     LINE "once\n" LINE,
     nullptr},
    {"in_two_threads",
     in_two_threads,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "[^]*" LINE "[^]*" LINE "[^]*",
     nullptr},
    {"exits", free_twice, {"ASHLAR_REPORT_ACTION=exit:7"}, 0, 7, LINE, nullptr},
    {"ends_by_a_signal",
     while_signals_are_handled,
     {"ASHLAR_REPORT_ACTION=signal:10"},
     SIGUSR1,
     0,
     LINE,
     nullptr},
    {"ignored_signal", free_twice, {"ASHLAR_REPORT_ACTION=signal:18"}, SIGABRT, 0, LINE, nullptr},
    {"with_a_fault_in_the_report",
     with_a_fault_in_the_report,
     {"ASHLAR_REPORT_FILE=report.%p", "ASHLAR_REPORT_ACTION=exit:6"},
     0,
     6,
     LINE "ashlar: the report ends here, by a fault of its own\n",
     nullptr},
    {"of_no_block",
     of_no_block,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+ \\(not from this heap\\)\n"
     "  place     in no heap of Ashlar\n" HEX "{3,4}" FOUND,
     nullptr},
    {"with_stacks",
     free_twice,
     {"ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     LINE FULL "freed by thread [0-9]+, 0 calls ago:\n" STACK
               "freed before that by thread [0-9]+, 1 calls ago:\n" STACK
               "allocated by thread [0-9]+, 3 calls ago:\n" STACK,
     nullptr},
    {"with_checks",
     free_twice,
     {"ASHLAR_CHECK=full"},
     SIGABRT,
     0,
     "ashlar: double free of 0x[0-9a-f]+ [^\n]*\n" FULL,
     nullptr},
    {"line_with_checks",
     free_twice,
     {"ASHLAR_CHECK=full", "ASHLAR_REPORT=line"},
     SIGABRT,
     0,
     "ashlar: double free of 0x[0-9a-f]+ [^\n]*\n",
     nullptr},
    {"with_checks_and_stacks",
     free_twice,
     {"ASHLAR_CHECK=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     "ashlar: double free of 0x[0-9a-f]+ [^\n]*\n" FULL "freed by [^]*allocated by [^]*",
     nullptr},
    {"sampled_twice",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT_FILE=report.%p"},
     SIGABRT,
     0,
     SAMPLED_LINE,
     SAMPLED_LINE "ashlar: freed now by" CALLS "ashlar: freed by" CALLS ALLOCATED},
    {"sampled_on_stderr",
     sampled_twice,
     {SAMPLED},
     SIGABRT,
     0,
     SAMPLED_LINE "ashlar: freed now by" CALLS "ashlar: freed by" CALLS ALLOCATED,
     nullptr},
    {"sampled_exits",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT_ACTION=exit:7"},
     0,
     7,
     SAMPLED_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_overwritten",
     sampled_overwritten,
     {SAMPLED, "ASHLAR_REPORT_ACTION=signal:10"},
     SIGUSR1,
     0,
     "ashlar: (over|under)flow: write to [^\n]* as it is freed\nashlar: freed by" CALLS ALLOCATED,
     nullptr},
    {"sampled_twice_with_a_handler",
     sampled_twice_with_a_handler,
     {SAMPLED},
     SIGABRT,
     0,
     SAMPLED_LINE "[^]*" ALLOCATED "handler mine: 1 40 stack \\[ashlar: double free [^\n]*\\]\n",
     nullptr},
    {"sampled_full",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     SAMPLED_LINE "[^]*" ALLOCATED
                  "  block     0x[0-9a-f]+ to 0x[0-9a-f]+, 40 bytes, free, sampled\n" FOUND
                  "freed by [^]*freed before that by [^]*allocated by [^]*",
     nullptr},
    {"sampled_fault",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_FILE=report.%p"},
     SIGSEGV,
     0,
     FAULT_LINE,
     FAULT_LINE "ashlar: fault in" CALLS "ashlar: freed by" CALLS ALLOCATED},
    {"sampled_fault_exits",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_ACTION=exit:7"},
     0,
     7,
     FAULT_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_fault_aborts",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_ACTION=abort"},
     SIGABRT,
     0,
     FAULT_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_fault_with_a_handler",
     sampled_fault_with_a_handler,
     {SAMPLED},
     SIGSEGV,
     0,
     FAULT_LINE "[^]*" ALLOCATED "handler mine: 8 40 stack \\[ashlar: use after free: [^\n]*\\]\n",
     nullptr},
    {"sampled_fault_with_a_handler_that_jumps",
     sampled_fault_with_a_handler_that_jumps,
     {SAMPLED},
     0,
     0,
     FAULT_LINE "[^]*" FAULT_LINE "[^]*",
     nullptr},
    {"of_size_0",
     of_size_0,
     {"ASHLAR_CHECK=paranoid"},
     SIGABRT,
     0,
     "ashlar: double free of 0x[0-9a-f]+ [^\n]*\n"
     "  block     (0x[0-9a-f]+) to \\1, 0 bytes, free, in memory that can't be touched\n" FOUND,
     nullptr},
    {"into_size_0",
     into_size_0,
     {"ASHLAR_CHECK=paranoid"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+4 [^\n]*\n"
     "  block     (0x[0-9a-f]+0) to \\1, 0 bytes, live, in memory that can't be touched\n" FOUND,
     nullptr},
    {"behind_a_run",
     behind_a_run,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+ \\(not from this heap\\)\n"
     "  place     in [^\n]*\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 1048576 bytes, live; the address is 100 bytes behind "
     "it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"behind_a_mapped_block",
     behind_a_mapped_block,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+ \\(not from this heap\\)\n"
     "  place     in no heap of Ashlar\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 67108864 bytes, live; the address is 100 bytes "
     "behind it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"behind_the_blocks_of_a_slab",
     behind_the_blocks_of_a_slab,
     {"ASHLAR_CHECK=full"},
     SIGABRT,
     0,
     "ashlar: [^\n]* of 0x[0-9a-f]+ [^\n]*\n"
     "  place     behind the last block of a slab\n  slab [^\n]*\n  before [^\n]*, live\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, live; the address is 0 bytes behind it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"of_a_private_heap",
     of_a_private_heap,
     {"ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     LINE "[^]*" FOUND "freed by thread [0-9]+, 0 calls ago:\n" STACK
          "freed before that by thread [0-9]+, 1 calls ago:\n" STACK
          "allocated by thread [0-9]+, 2 calls ago:\n" STACK,
     nullptr},
    {"with_few_stacks",
     free_twice,
     {"ASHLAR_REPORT=full", "ASHLAR_STACKS=1"},
     SIGABRT,
     0,
     LINE FULL "freed by thread [0-9]+, 0 calls ago:\n" STACK,
     nullptr},
};

[[noreturn]] void run(const Case& each) {
    std::vector<std::string> words;
    for (const char* setting : each.settings) words.emplace_back(setting);
    for (std::string& word : words)
        if (putenv(word.data()) != 0) std::exit(2);
    execl("/proc/self/exe", "reports", "--commit", each.name, nullptr);
    std::exit(2);
}

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

bool is_like(const char* what, const std::string& text, const char* expected) {
    if (std::regex_match(text, std::regex(expected))) return true;
    std::printf("%s:\n%s\nis not like\n%s\n", what, text.c_str(), expected);
    return false;
}

int compare(const Case& each) {
    int ends[2];
    if (pipe(ends) != 0) return 2;
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run(each);
    }
    close(ends[1]);
    std::string written;
    char part[512];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;)
        written.append(part, static_cast<std::size_t>(n));
    int status = 0;
    waitpid(child, &status, 0);
    const bool ended = each.signal != 0 ? WIFSIGNALED(status) && WTERMSIG(status) == each.signal
                                        : WIFEXITED(status) && WEXITSTATUS(status) == each.status;
    if (!ended) std::printf("it ended with status 0x%x\n", static_cast<unsigned>(status));
    bool right = is_like("stderr", written, each.on_stderr);
    const std::string file = "report." + std::to_string(child);
    if (each.in_file != nullptr) right = is_like("the file", text_of(file), each.in_file) && right;
    unlink(file.c_str());
    return ended && right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    for (const Case& each : cases) {
        if (argc == 2 && std::strcmp(each.name, argv[1]) == 0) return compare(each);
        if (argc == 3 && std::strcmp(each.name, argv[2]) == 0) {
            each.commit();
            return 0;
        }
    }
    std::fputs("usage: reports CASE\n", stderr);
    return 2;
}
