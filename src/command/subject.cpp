#include "command/subject.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <elf.h>
#include <link.h>
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "command/elf_file.hpp"
#include "command/libraries.hpp"
#include "command/linker.hpp"
#include "command/program.hpp"
#include "malloc/settings/machine.hpp"

namespace ashlar::command {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

long number_of(const std::string& path) {
    std::ifstream file(path);
    long number = -1;
    file >> number;
    return file ? number : -1;
}

// The value of a line "NAME: value" of /proc/PID/status.
long status_of(const std::string& directory, const std::string& name) {
    std::istringstream lines(text_of(directory + "/status"));
    std::string line;
    while (std::getline(lines, line)) {
        if (line.rfind(name + ":", 0) == 0)
            return std::strtol(line.c_str() + name.size() + 1, nullptr, 10);
    }
    return -1;
}

std::vector<std::string> split(const std::string& text, const char* separators) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(separators, at)) != std::string::npos) {
        const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

std::vector<std::string> own_environment() {
    std::vector<std::string> list;
    for (char** variable = environ; *variable != nullptr; ++variable) list.emplace_back(*variable);
    return list;
}

// The word of three in brackets.
std::string chosen(const std::string& text) {
    const std::size_t from = text.find('[');
    const std::size_t to = text.find(']');
    return from < to && to != std::string::npos ? text.substr(from + 1, to - from - 1) : "";
}

std::uint64_t limit_of(long process, __rlimit_resource resource) {
    rlimit now{};
    if (::prlimit(static_cast<pid_t>(process), resource, nullptr, &now) != 0 ||
        now.rlim_cur == RLIM_INFINITY) {
        return settings::kUnlimited;
    }
    return now.rlim_cur;
}

Machine machine_of(long process) {
    const std::string directory = "/proc/" + (process == 0 ? "self" : std::to_string(process));
    Machine machine;
    machine.group_limit =
        settings::cgroup_limit("/sys/fs/cgroup", text_of(directory + "/cgroup").c_str());
    machine.memory = std::min(settings::machine_memory(), machine.group_limit);
    machine.address_space = limit_of(process, RLIMIT_AS);
    machine.locked = limit_of(process, RLIMIT_MEMLOCK);
    machine.overcommit = number_of("/proc/sys/vm/overcommit_memory");
    machine.most_mappings = number_of("/proc/sys/vm/max_map_count");
    machine.seccomp = status_of(directory, "Seccomp");
    machine.huge_pages = chosen(text_of("/sys/kernel/mm/transparent_hugepage/enabled"));
    return machine;
}

// One line of /proc/PID/maps.
struct Mapping {
    std::uint64_t start = 0;
    std::uint64_t bytes = 0;
    std::string access;
    std::string path;  // empty: anonymous
};

std::vector<Mapping> mappings_of(const std::string& directory) {
    std::vector<Mapping> list;
    std::istringstream lines(text_of(directory + "/maps"));
    std::string line;
    while (std::getline(lines, line)) {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        char access[5] = {};
        int end = 0;
        if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s%n", &from, &to,
                        access, &end) < 3)
            continue;
        const std::size_t path = line.find_first_not_of(' ', static_cast<std::size_t>(end));
        list.push_back(
            {from, to - from, access, path != std::string::npos ? line.substr(path) : ""});
    }
    return list;
}

Memory memory_of(const std::string& directory, const std::vector<Mapping>& mappings) {
    Memory memory;
    memory.mappings = mappings.size();
    std::uint64_t top = 0;  // of the user's addresses; the kernel's own page is above
    for (const Mapping& mapping : mappings) {
        if (mapping.path != "[vsyscall]") top = std::max(top, mapping.start);
    }
    for (const Mapping& mapping : mappings) {
        if (!mapping.path.empty()) continue;
        const bool reserved = mapping.access[0] == '-';
        (reserved ? memory.reserved : memory.accessible) += mapping.bytes;
        if (mapping.start < top / 8 || mapping.start >= top / 8 * 3) continue;
        if (memory.region == 0) memory.region = mapping.start;
        (reserved ? memory.region_reserved : memory.region_accessible) += mapping.bytes;
    }
    const long resident = status_of(directory, "VmRSS");
    memory.resident = resident > 0 ? static_cast<std::uint64_t>(resident) * 1024 : 0;
    return memory;
}

bool is_secure(const std::string& directory) {
    std::ifstream file(directory + "/auxv", std::ios::binary);
    ElfW(auxv_t) entry;
    while (file.read(reinterpret_cast<char*>(&entry), sizeof entry)) {
        if (entry.a_type == AT_SECURE) return entry.a_un.a_val != 0;
    }
    return false;
}

std::vector<std::string> words_of_preload(const Subject& subject, const std::string& root) {
    auto words = split(subject.variable("LD_PRELOAD"), " :");
    for (auto& word : split(text_of(root + "/etc/ld.so.preload"), " :\t\n"))
        words.push_back(std::move(word));
    return words;
}

}  // namespace

std::string Subject::variable(const std::string& name) const {
    for (const std::string& one : environment) {
        if (one.rfind(name + "=", 0) == 0) return one.substr(name.size() + 1);
    }
    return {};
}

Subject look_at_process(long process) {
    const std::string directory = "/proc/" + std::to_string(process);
    std::error_code error;
    Subject subject;
    subject.process = process;
    subject.program = fs::read_symlink(directory + "/exe", error).string();
    if (error) {
        throw Failure(2, "process " + std::to_string(process) + ": " +
                             (fs::exists(directory) ? "may not be looked at by this user"
                                                    : "does not exist"));
    }
    const std::string all = text_of(directory + "/environ");
    for (std::size_t at = 0; at < all.size(); at += subject.environment.back().size() + 1)
        subject.environment.emplace_back(all.c_str() + at);
    subject.secure = is_secure(directory);
    const std::string root = directory + "/root";
    subject.preloaded = words_of_preload(subject, root);
    const std::vector<Mapping> mappings = mappings_of(directory);
    subject.memory = memory_of(directory, mappings);
    std::set<std::string> seen = {subject.program};
    std::vector<Object> objects;
    if (auto object = read_object(root, subject.program)) objects.push_back(std::move(*object));
    subject.native = !objects.empty();
    for (const Mapping& mapping : mappings) {
        if (mapping.path.empty() || mapping.path.front() != '/') continue;
        if (!seen.insert(mapping.path).second) continue;
        if (auto object = read_object(root, mapping.path)) objects.push_back(std::move(*object));
    }
    if (subject.native) subject.objects = in_search_order(std::move(objects), subject.preloaded);
    subject.machine = machine_of(process);
    return subject;
}

Subject look_at_program(const std::string& name) {
    Subject subject = look_at_machine();
    subject.program = interpreter_of(find_program(name));
    subject.secure = gains_privileges(subject.program);
    auto program = read_object("", subject.program);
    subject.native = program.has_value();
    if (!program) return subject;
    const std::string interpreter = program->interpreter;
    subject.objects.push_back(std::move(*program));
    if (interpreter.empty()) return subject;
    const std::string library = find_ashlar();
    const bool named = std::any_of(
        subject.preloaded.begin(), subject.preloaded.end(),
        [](const std::string& word) { return base_name(word).rfind("libashlar.so", 0) == 0; });
    const std::string preload = named            ? subject.variable("LD_PRELOAD")
                                : subject.secure ? ""
                                                 : preload_value(library);
    const Listing listing = list_libraries(interpreter, subject.program, preload);
    subject.complaints = listing.complaints;
    for (const std::string& path : listing.paths) {
        if (auto object = read_object("", path)) subject.objects.push_back(std::move(*object));
    }
    return subject;
}

Subject look_at_machine() {
    Subject subject;
    subject.environment = own_environment();
    subject.preloaded = words_of_preload(subject, "");
    subject.machine = machine_of(0);
    return subject;
}

}  // namespace ashlar::command
