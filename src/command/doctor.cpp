#include "command/doctor.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "command/libraries.hpp"
#include "command/program.hpp"
#include "malloc/settings/machine.hpp"
#include "malloc/settings/table.hpp"

namespace ashlar::command {
namespace {

namespace fs = std::filesystem;
using Findings = std::vector<Finding>;

std::string library_path() {
    try {
        return find_ashlar();
    } catch (const Failure&) {
        return "/path/to/libashlar.so";
    }
}

std::string preload_line(const Subject& subject) {
    return "start it by `ashlar run " + base_name(subject.program) +
           "`, or with LD_PRELOAD=" + library_path();
}

void look_at_preload(const Subject& subject, Findings& findings) {
    for (const std::string& word : subject.preloaded) {
        const std::string file = base_name(word);
        if (file.rfind("libashlar", 0) != 0) continue;
        if (word.find('/') != std::string::npos && word.front() != '/') {
            findings.push_back({Weight::warning,
                                "LD_PRELOAD has the relative path " + word +
                                    ", which each process looks for in its own directory",
                                "LD_PRELOAD=" + library_path()});
        } else if (word.front() == '/' && !fs::exists(word)) {
            findings.push_back({Weight::warning,
                                "LD_PRELOAD names " + word + ", which does not exist",
                                "LD_PRELOAD=" + library_path()});
        }
    }
    for (const std::string& complaint : subject.complaints)
        findings.push_back({Weight::warning, complaint, ""});
}

void explain_absence(const Subject& subject, Findings& findings) {
    const std::string& program = subject.program;
    if (!subject.native) {
        findings.push_back({Weight::error, program + " is built for another architecture",
                            "use a libashlar.so that is built for it"});
    } else if (subject.objects.front().interpreter.empty()) {
        findings.push_back({Weight::error,
                            program + " is statically linked, so that LD_PRELOAD has no effect",
                            "link it with ashlar.o: see \"Static linking\" in README.md"});
    } else if (subject.secure) {
        findings.push_back({Weight::error,
                            program + " has privileges (setuid, setgid or capabilities), with "
                                      "which the dynamic linker ignores LD_PRELOAD",
                            "link it with -lashlar, or name the library in /etc/ld.so.preload"});
    } else {
        findings.push_back({Weight::error, "libashlar.so is not loaded", preload_line(subject)});
    }
}

// The objects, other than Ashlar, that some object's malloc binds to.
void look_at_bindings(const Subject& subject, std::size_t ashlar, Findings& findings) {
    std::set<std::size_t> others;
    const auto note = [&](std::optional<std::size_t> provider) {
        if (provider && *provider != ashlar) others.insert(*provider);
    };
    note(provider_of(subject.objects, "malloc"));
    for (std::size_t i = 0; i < subject.objects.size(); ++i) {
        for (const Binding& binding : bindings_of(subject.objects, i)) {
            if (binding.name == "malloc") note(binding.provider);
        }
    }
    if (subject.objects[0].has_malloc && ashlar != 0) {
        findings.push_back(
            {Weight::error,
             subject.program + " has a malloc of its own, which comes before any other",
             "build the program without that allocator"});
    }
    for (const std::size_t other : others) {
        const std::string& path = subject.objects[other].path;
        const std::string ours = subject.objects[ashlar].path;
        if (other == 0) continue;
        if (!subject.objects[ashlar].at_start) {
            findings.push_back(
                {Weight::error,
                 ours + " was opened after the start, so that malloc stays that of " + path,
                 preload_line(subject)});
        } else if (other < ashlar) {
            findings.push_back(
                {Weight::error, "malloc binds to " + path + ", which comes before " + ours,
                 "put libashlar.so first in LD_PRELOAD, or -lashlar first in the link"});
        }
    }
    for (std::size_t i = 1; i < subject.objects.size(); ++i) {
        const Object& object = subject.objects[i];
        const bool libc = base_name(object.path).rfind("libc.", 0) == 0 ||
                          base_name(object.path).rfind("ld-", 0) == 0;
        if (i == ashlar || libc || others.count(i) != 0 || object.defines.count("malloc") == 0)
            continue;
        findings.push_back(
            {Weight::note, object.path + " has a malloc as well, which nothing uses", ""});
    }
}

void look_at_variables(const Subject& subject, Findings& findings) {
    std::vector<const char*> variables;
    for (const std::string& one : subject.environment) variables.push_back(one.c_str());
    variables.push_back(nullptr);
    const settings::Report note = [](void* context, const settings::Complaint& complaint) noexcept {
        auto& list = *static_cast<Findings*>(context);
        const std::string name(complaint.name, complaint.length);
        if (complaint.setting == nullptr) {
            const auto& nearest = settings::nearest(complaint.name, complaint.length);
            list.push_back({Weight::warning, name + " is no setting, and has no effect",
                            std::string("the nearest is ") + nearest.name});
        } else {
            list.push_back({Weight::warning, name + "=" + complaint.value + " is ignored",
                            std::string("expected ") + complaint.setting->expected});
        }
    };
    const settings::Settings wish = settings::read(variables.data(), note, &findings);
    const std::uint64_t hard = settings::bytes_of(wish.hard_limit, subject.machine.memory);
    if (wish.hard_limit.value != 0 && hard > subject.machine.memory) {
        findings.push_back({Weight::warning,
                            "the hard limit of ASHLAR_LIMIT is above the memory that there is",
                            "ASHLAR_LIMIT=soft:80%,hard:90%"});
    }
}

void look_at_kernel(const Subject& subject, Findings& findings) {
    constexpr long kUsualMappings = 65530;
    const Machine& machine = subject.machine;
    if (machine.overcommit == 2) {
        findings.push_back({Weight::warning,
                            "vm.overcommit_memory is 2: the kernel may refuse memory that is free",
                            "sysctl vm.overcommit_memory=0, or raise vm.overcommit_ratio"});
    }
    if (machine.address_space != settings::kUnlimited) {
        findings.push_back(
            {Weight::note,
             "the address space is limited (RLIMIT_AS), so that the heap reserves less",
             "ulimit -v unlimited"});
    }
    if (machine.most_mappings >= 0 && machine.most_mappings < kUsualMappings) {
        findings.push_back({Weight::warning,
                            "vm.max_map_count is " + std::to_string(machine.most_mappings) +
                                ", less than usual: mappings may be refused",
                            "sysctl vm.max_map_count=65530"});
    }
    if (machine.huge_pages == "always") {
        findings.push_back({Weight::note,
                            "huge pages are always used: a page that is touched costs a huge one",
                            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
    }
    if (machine.seccomp > 0) {
        findings.push_back(
            {Weight::note, "seccomp is on: if it refuses madvise, no memory is returned", ""});
    }
}

}  // namespace

std::size_t ashlar_in(const Subject& subject) {
    const auto found = std::find_if(subject.objects.begin(), subject.objects.end(),
                                    [](const Object& object) { return object.is_ashlar(); });
    return static_cast<std::size_t>(found - subject.objects.begin());
}

std::string origin_of(const Subject& subject, std::size_t position) {
    const Object& object = subject.objects[position];
    if (position == 0) return "built in";
    if (!object.at_start) return "opened later";
    for (const Object& other : subject.objects) {
        for (const std::string& name : other.needed) {
            if (name == object.soname || name == base_name(object.path)) return "linked";
        }
    }
    return "preloaded";
}

std::vector<Finding> findings_of(const Subject& subject) {
    Findings findings;
    const std::size_t ashlar = ashlar_in(subject);
    const bool here = ashlar < subject.objects.size();
    if (!subject.program.empty() && !here) explain_absence(subject, findings);
    if (here) look_at_bindings(subject, ashlar, findings);
    look_at_preload(subject, findings);
    look_at_variables(subject, findings);
    look_at_kernel(subject, findings);
    if (here && subject.secure) {
        findings.push_back(
            {Weight::note, "the program has privileges: ASHLAR_ variables have no effect", ""});
    }
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
    return findings;
}

int examine(const DoctorQuestion& question) {
    Subject subject;
    if (question.words.empty()) {
        subject = look_at_machine();
    } else {
        const std::string& word = question.words.front();
        const bool number = word.find_first_not_of("0123456789") == std::string::npos;
        subject = question.words.size() == 1 && number && !word.empty() && word.size() < 10
                      ? look_at_process(std::strtol(word.c_str(), nullptr, 10))
                      : look_at_program(word);
    }
    const std::vector<Finding> findings = findings_of(subject);
    question.json ? print_json(subject, findings) : print_text(subject, findings);
    const bool well = std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.weight == Weight::note;
    });
    return well ? 0 : 1;
}

}  // namespace ashlar::command
