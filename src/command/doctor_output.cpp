// The output of `ashlar doctor`, as text and as JSON.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "command/doctor.hpp"
#include "malloc/settings/machine.hpp"
#include "malloc/settings/table.hpp"

namespace ashlar::command {
namespace {

const char* word_of(Weight weight) {
    return weight == Weight::error ? "error" : weight == Weight::warning ? "warning" : "note";
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes == settings::kUnlimited) return "unlimited";
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    unsigned unit = 0;
    for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
    char text[40];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
    return text;
}

std::string number_text(long number) { return number < 0 ? "unknown" : std::to_string(number); }

// For each object that names bind to, how many, of one object.
std::map<std::string, std::size_t> providers(const Subject& subject, std::size_t position) {
    std::map<std::string, std::size_t> counts;
    for (const Binding& binding : bindings_of(subject.objects, position)) {
        if (binding.provider) ++counts[subject.objects[*binding.provider].path];
    }
    return counts;
}

void print_library(const Subject& subject) {
    const std::size_t ashlar = ashlar_in(subject);
    if (ashlar == subject.objects.size()) {
        std::printf("library      not loaded\n");
        return;
    }
    const Object& object = subject.objects[ashlar];
    std::printf("library      %s, version %s, %s\n", object.path.c_str(), object.version.c_str(),
                origin_of(subject, ashlar).c_str());
    for (std::size_t i = 0; i < subject.objects.size(); ++i) {
        for (const auto& [path, count] : providers(subject, i)) {
            std::printf("bindings     %s: %zu of malloc's names to %s\n",
                        subject.objects[i].path.c_str(), count, path.c_str());
        }
    }
}

void print_settings(const Subject& subject) {
    for (const settings::Setting& setting : settings::table()) {
        const std::string value = subject.variable(setting.name);
        std::printf("setting      %s %s%s\n", setting.name,
                    value.empty() ? setting.fallback : value.c_str(),
                    value.empty() ? " (default)" : "");
    }
}

nlohmann::ordered_json objects_json(const Subject& subject) {
    auto list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < subject.objects.size(); ++i) {
        auto names = nlohmann::ordered_json::object();
        for (const Binding& binding : bindings_of(subject.objects, i)) {
            names[binding.name] = nullptr;
            if (binding.provider) names[binding.name] = subject.objects[*binding.provider].path;
        }
        list.push_back({{"path", subject.objects[i].path},
                        {"at_start", subject.objects[i].at_start},
                        {"defines_malloc", subject.objects[i].defines.count("malloc") != 0},
                        {"names", names}});
    }
    return list;
}

nlohmann::ordered_json limit_json(std::uint64_t bytes) {
    return bytes == settings::kUnlimited ? nlohmann::ordered_json() : nlohmann::ordered_json(bytes);
}

nlohmann::ordered_json kernel_json(const Machine& machine) {
    return {{"memory", machine.memory},
            {"cgroup_limit", limit_json(machine.group_limit)},
            {"address_space", limit_json(machine.address_space)},
            {"locked", limit_json(machine.locked)},
            {"overcommit", machine.overcommit},
            {"max_map_count", machine.most_mappings},
            {"seccomp", machine.seccomp},
            {"huge_pages", machine.huge_pages}};
}

nlohmann::ordered_json settings_json(const Subject& subject) {
    auto list = nlohmann::ordered_json::array();
    for (const settings::Setting& setting : settings::table()) {
        const std::string value = subject.variable(setting.name);
        list.push_back({{"name", setting.name},
                        {"value", value.empty() ? setting.fallback : value},
                        {"default", value.empty()},
                        {"unit", setting.unit},
                        {"effect", setting.effect}});
    }
    return list;
}

}  // namespace

void print_text(const Subject& subject, const std::vector<Finding>& findings) {
    if (subject.process) std::printf("process      %ld\n", *subject.process);
    if (!subject.program.empty()) {
        std::printf("program      %s\n", subject.program.c_str());
        print_library(subject);
    }
    if (subject.memory) {
        std::printf(
            "memory       %s resident; anonymous: %s accessible, %s reserved; %zu mappings\n",
            bytes_text(subject.memory->resident).c_str(),
            bytes_text(subject.memory->accessible).c_str(),
            bytes_text(subject.memory->reserved).c_str(), subject.memory->mappings);
    }
    const bool here = ashlar_in(subject) < subject.objects.size();
    if (here && subject.memory && subject.memory->region != 0) {
        std::printf("region       at %#llx: %s accessible, %s reserved\n",
                    static_cast<unsigned long long>(subject.memory->region),
                    bytes_text(subject.memory->region_accessible).c_str(),
                    bytes_text(subject.memory->region_reserved).c_str());
    }
    const Machine& machine = subject.machine;
    std::printf("limits       memory %s, control group %s, address space %s, locked %s\n",
                bytes_text(machine.memory).c_str(), bytes_text(machine.group_limit).c_str(),
                bytes_text(machine.address_space).c_str(), bytes_text(machine.locked).c_str());
    std::printf("kernel       overcommit %s, huge pages %s, seccomp %s, mappings at most %s\n",
                number_text(machine.overcommit).c_str(),
                machine.huge_pages.empty() ? "unknown" : machine.huge_pages.c_str(),
                number_text(machine.seccomp).c_str(), number_text(machine.most_mappings).c_str());
    print_settings(subject);
    for (const Finding& finding : findings) {
        std::printf("%-12s %s\n", word_of(finding.weight), finding.what.c_str());
        if (!finding.mend.empty()) std::printf("  mend       %s\n", finding.mend.c_str());
    }
    if (findings.empty()) std::printf("nothing is misconfigured\n");
}

void print_json(const Subject& subject, const std::vector<Finding>& findings) {
    nlohmann::ordered_json object = {{"ashlar", ASHLAR_VERSION},
                                     {"process", nullptr},
                                     {"program", nullptr},
                                     {"library", nullptr},
                                     {"objects", objects_json(subject)},
                                     {"memory", nullptr},
                                     {"kernel", kernel_json(subject.machine)},
                                     {"settings", settings_json(subject)},
                                     {"findings", nlohmann::ordered_json::array()}};
    if (subject.process) object["process"] = *subject.process;
    if (!subject.program.empty()) object["program"] = subject.program;
    if (const std::size_t at = ashlar_in(subject); at < subject.objects.size()) {
        object["library"] = {{"path", subject.objects[at].path},
                             {"version", subject.objects[at].version},
                             {"origin", origin_of(subject, at)}};
    }
    if (subject.memory) {
        object["memory"] = {{"resident", subject.memory->resident},
                            {"accessible", subject.memory->accessible},
                            {"reserved", subject.memory->reserved},
                            {"mappings", subject.memory->mappings},
                            {"region", subject.memory->region},
                            {"region_reserved", subject.memory->region_reserved},
                            {"region_accessible", subject.memory->region_accessible}};
    }
    for (const Finding& finding : findings) {
        object["findings"].push_back(
            {{"weight", word_of(finding.weight)}, {"what", finding.what}, {"mend", finding.mend}});
    }
    std::printf("%s\n",
                object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace ashlar::command
