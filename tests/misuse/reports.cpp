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

#include "child.hpp"
#include "report_cases.hpp"

namespace {

using namespace misuse;

[[noreturn]] void run(const Case& each) {
    std::vector<std::string> words;
    for (const char* setting : each.settings) words.emplace_back(setting);
    for (std::string& word : words)
        if (putenv(word.data()) != 0) std::exit(2);
    const char* const arguments[] = {"reports", "--commit", each.name, nullptr};
    execv("/proc/self/exe", const_cast<char* const*>(arguments));
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
    const auto [child, status, written] = run_in_child([&each] { run(each); });
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
    for (const auto& cases : {report_cases(), place_cases()}) {
        for (const Case& each : cases) {
            if (argc == 2 && std::strcmp(each.name, argv[1]) == 0) return compare(each);
            if (argc == 3 && std::strcmp(each.name, argv[2]) == 0) {
                each.commit();
                return 0;
            }
        }
    }
    std::fputs("usage: reports CASE\n", stderr);
    return 2;
}
