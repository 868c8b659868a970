#include "command/map.hpp"

#include <cstdio>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "command/map_page.hpp"
#include "command/program.hpp"
#include "command/snapshot.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotWrite = 2;

// Text in a script element may not end the element.
std::string quoted(const std::string& text) {
    std::string json =
        nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;)
        json.replace(at, 1, "\\u003c");
    return json;
}

std::string head_of(const Target& target) {
    std::string head = "{\"ashlar\":" + quoted(ASHLAR_VERSION);
    head += ",\"process\":" + std::to_string(target.process());
    head += ",\"program\":" + quoted(target.program());
    head += ",\"core\":";
    head += target.core() == nullptr ? "null" : quoted(target.core()->path());
    head += ",\"unit\":" + std::to_string(base::kUnitSize) + ",\"sizes\":[0";
    for (base::Bin bin = 1; bin < base::kBins; ++bin)
        head += "," + std::to_string(base::size_of_bin(bin));
    return head + "],\"texts\":" + waterfall_texts() + ",\"snapshots\":[\n";
}

void write(const std::string& output, const std::string& data) {
    const std::string page = kMapPage;
    const std::string marker = "{{data}}";
    const std::size_t at = page.find(marker);
    std::ofstream file(output, std::ios::binary | std::ios::trunc);
    if (file) {
        file << page.substr(0, at) << data << page.substr(at + marker.size());
        file.close();
    }
    if (!file) throw Failure(kCannotWrite, output + ": " + std::strerror(errno));
}

int draw(const Target& target, const MapQuestion& question) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    std::string data = head_of(target);
    std::size_t units = 0;
    int made = 0;
    for (; made < question.snapshots; ++made) {
        std::this_thread::sleep_until(start + std::chrono::milliseconds(question.every) * made);
        const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
        try {
            const Snapshot snapshot = take_snapshot(target, at.count());
            units = snapshot.units;
            data += (made == 0 ? "" : ",\n") + snapshot.json;
        } catch (const Failure& failure) {
            if (made == 0) throw;
            std::fprintf(stderr, "ashlar: the last snapshot is number %d: %s\n", made,
                         failure.what());
            break;
        }
    }
    write(question.output, data + "\n]}");
    std::printf("%s: %zu units of 64 KiB, %d snapshot%s\n", question.output.c_str(), units, made,
                made == 1 ? "" : "s");
    return 0;
}

}  // namespace

int draw_map(const MapQuestion& question) { return draw(Target(question.process), question); }

int draw_map(const Target& target, const std::string& output) {
    MapQuestion question;
    question.output = output;
    return draw(target, question);
}

}  // namespace ashlar::command
