#include "command/shared.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ashlar/shared_heap.hpp>
#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/program.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotOpen = 2;
constexpr int kFaults = 1;

struct Answer {
    std::size_t recovered = 0;
    std::optional<std::size_t> faults;
    SharedStatistics memory{};
    std::vector<SharedProcess> processes;  // without this one
    std::vector<SharedDoubt> doubts;
};

// A slash in front and no other: a name of shm_open().
bool is_name(const std::string& place) {
    return place.size() > 1 && place.front() == '/' && place.rfind('/') == 0;
}

SharedHeap open(const std::string& place) {
    try {
        return is_name(place) ? SharedHeap(SharedHeapMode::open_only, place)
                              : SharedHeap::file(SharedHeapMode::open_only, place);
    } catch (const SharedHeapError& error) {
        const std::string text = error.what();
        const std::string prefix = "ashlar: ";
        throw Failure(kCannotOpen, text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text);
    }
}

Answer ask(SharedHeap& heap, const HeapQuestion& question) {
    Answer answer;
    if (question.recover) answer.recovered = heap.recover();
    if (question.check) answer.faults = heap.check();
    answer.memory = heap.statistics();
    answer.processes = heap.processes();
    const auto is_own = [](const SharedProcess& process) { return process.process == getpid(); };
    answer.processes.erase(std::remove_if(answer.processes.begin(), answer.processes.end(), is_own),
                           answer.processes.end());
    answer.memory.threads -= std::min<std::size_t>(answer.memory.threads, 1);  // this thread
    answer.doubts = heap.doubts();
    return answer;
}

std::string bytes_text(std::size_t bytes) {
    constexpr std::array<const char*, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return std::to_string(bytes) + " B";
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
    return text.data();
}

void print_text(const HeapQuestion& question, const Answer& answer) {
    const SharedStatistics& memory = answer.memory;
    std::printf("heap       %s\n", question.place.c_str());
    std::printf("file       %s with pages, limit %s\n", bytes_text(memory.file).c_str(),
                bytes_text(memory.limit).c_str());
    std::printf("used       %s in %zu blocks, %s of rounding\n", bytes_text(memory.used).c_str(),
                memory.blocks, bytes_text(memory.rounding).c_str());
    std::printf("free       %s, %s kept by threads\n", bytes_text(memory.free).c_str(),
                bytes_text(memory.kept).c_str());
    std::printf("metadata   %s\n", bytes_text(memory.metadata).c_str());
    std::printf("processes  %zu with %zu threads\n", answer.processes.size(), memory.threads);
    for (const SharedProcess& process : answer.processes) {
        std::printf("  pid %d: %u threads, which keep %zu free blocks, %s\n", process.process,
                    process.threads, process.blocks, bytes_text(process.bytes).c_str());
    }
    std::printf("in doubt   %zu blocks\n", answer.doubts.size());
    for (const SharedDoubt& doubt : answer.doubts) {
        std::printf("  offset %" PRIu64 ": %zu bytes\n", doubt.block, doubt.size);
    }
    if (question.recover) std::printf("recovered  %zu dead threads\n", answer.recovered);
    if (!answer.faults) return;
    std::printf("check      %zu faults%s\n", *answer.faults,
                answer.processes.empty()
                    ? ""
                    : "; processes use the heap, so some may be changes that go on");
}

void print_json(const HeapQuestion& question, const Answer& answer) {
    const SharedStatistics& memory = answer.memory;
    nlohmann::ordered_json object = {
        {"ashlar", ASHLAR_VERSION},
        {"heap", question.place},
        {"memory",
         {{"limit", memory.limit},
          {"file", memory.file},
          {"used", memory.used},
          {"blocks", memory.blocks},
          {"rounding", memory.rounding},
          {"kept", memory.kept},
          {"free", memory.free},
          {"metadata", memory.metadata}}},
        {"threads", memory.threads},
        {"processes", nlohmann::ordered_json::array()},
        {"doubts", nlohmann::ordered_json::array()},
        {"recovered", nullptr},
        {"faults", nullptr},
    };
    for (const SharedProcess& process : answer.processes) {
        object["processes"].push_back({{"pid", process.process},
                                       {"threads", process.threads},
                                       {"blocks", process.blocks},
                                       {"bytes", process.bytes}});
    }
    for (const SharedDoubt& doubt : answer.doubts)
        object["doubts"].push_back({{"offset", doubt.block}, {"size", doubt.size}});
    if (question.recover) object["recovered"] = answer.recovered;
    if (answer.faults) object["faults"] = *answer.faults;
    std::printf("%s\n",
                object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

int look_at_heap(const HeapQuestion& question) {
    SharedHeap heap = open(question.place);
    const Answer answer = ask(heap, question);
    question.json ? print_json(question, answer) : print_text(question, answer);
    return answer.faults.value_or(0) == 0 ? 0 : kFaults;
}

}  // namespace ashlar::command
