#include "command/processes.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <sstream>

#include "command/target.hpp"

namespace ashlar::command {
namespace {

SurveyPointer survey_of(int pid) {
    SurveyPointer survey(inspect::Survey::make(pid));
    if (survey == nullptr) throw std::bad_alloc();
    return survey;
}

std::string text_of(int pid, const char* name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<int> all_processes() {
    std::vector<int> pids;
    DIR* const directory = ::opendir("/proc");
    if (directory == nullptr) return pids;
    while (const dirent* entry = ::readdir(directory)) {
        char* end = nullptr;
        const long pid = std::strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0) pids.push_back(static_cast<int>(pid));
    }
    ::closedir(directory);
    std::sort(pids.begin(), pids.end());
    return pids;
}

// The command, in parentheses, may have any characters: fields are counted from
// the last one. The first of these is the state, the 20th the time.
std::uint64_t start_of(int pid) {
    constexpr int kTime = 20;
    const std::string text = text_of(pid, "stat");
    const auto end = text.rfind(')');
    if (end == std::string::npos) return 0;
    std::istringstream fields(text.substr(end + 1));
    std::string field;
    for (int i = 1; fields >> field && i < kTime; ++i) {
        if (i == 1 && (field == "Z" || field == "X")) return 0;
    }
    return std::strtoull(field.c_str(), nullptr, 10);
}

inspect::Found find(int pid, bool thorough, Process& out) {
    out = {pid, start_of(pid), text_of(pid, "comm"), 0};
    if (!out.command.empty() && out.command.back() == '\n') out.command.pop_back();
    errno = 0;
    return survey_of(pid)->find_heap(out.heap, thorough);
}

bool observe(const Process& process, inspect::Result& out) {
    const SurveyPointer survey = survey_of(process.pid);
    survey->take(process.heap);
    out = survey->result();
    // The number may belong to another process by now, which has another heap.
    return out.process_heap != 0 && start_of(process.pid) == process.started;
}

}  // namespace ashlar::command
