#include "command/snapshot.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "command/program.hpp"
#include "malloc/inspect/report.hpp"
#include "malloc/inspect/used_bytes.hpp"
#include "malloc/inspect/waterfall.hpp"

namespace ashlar::command {
namespace {

using inspect::UnitKind;

constexpr int kFailed = 2;

struct Cell {
    std::uint64_t code, used, resident, length;
    bool operator==(const Cell&) const = default;
};

// The cells of units that follow each other without a gap.
struct Row {
    std::uint64_t address, end;
    std::vector<std::pair<std::uint64_t, Cell>> cells;  // how often, and what
};

struct Rows {
    std::vector<Row> list;
    std::size_t units = 0;

    void add(const inspect::UnitRecord& record) {
        const bool block = record.kind == UnitKind::slab || record.kind == UnitKind::run;
        for (std::uint64_t i = 0; i < record.units; ++i) {
            const std::uint64_t address = record.address + i * base::kUnitSize;
            const std::uint64_t resident =
                record.pages == nullptr ? 0
                                        : record.pages->bytes(address, address + base::kUnitSize);
            const std::uint64_t length = !block ? 1 : i == 0 ? record.units : 0;
            add(address, {code_of(record, block), used(record, i), resident, length});
        }
    }

  private:
    static std::uint64_t code_of(const inspect::UnitRecord& record, bool block) {
        return block ? record.bin
                     : base::kBins + static_cast<unsigned>(record.kind) -
                           static_cast<unsigned>(UnitKind::kept);
    }

    static std::uint64_t used(const inspect::UnitRecord& record, std::uint64_t unit) {
        if (record.kind == UnitKind::run) return base::kUnitSize;
        if (record.kind != UnitKind::slab) return 0;
        return inspect::UsedBytes(base::kGeometry[record.bin], record.free)
            .within(unit * base::kUnitSize, (unit + 1) * base::kUnitSize);
    }

    void add(std::uint64_t address, const Cell& cell) {
        if (list.empty() || list.back().end != address) list.push_back({address, address, {}});
        Row& row = list.back();
        row.end += base::kUnitSize;
        ++units;
        if (!row.cells.empty() && row.cells.back().second == cell && cell.length <= 1) {
            ++row.cells.back().first;
        } else {
            row.cells.push_back({1, cell});
        }
    }
};

void add_numbers(std::string& out, std::initializer_list<std::uint64_t> numbers) {
    for (const std::uint64_t each : numbers) {
        if (out.back() != '[') out += ',';
        out += std::to_string(each);
    }
}

std::string report_of(const inspect::Result& result) {
    const int file = memfd_create("report", MFD_CLOEXEC);
    if (file < 0) throw Failure(kFailed, std::strerror(errno));
    std::string text;
    if (inspect::write_json(result, file)) {
        text.resize(static_cast<std::size_t>(lseek(file, 0, SEEK_END)));
        if (pread(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
            text.clear();
    }
    ::close(file);
    if (text.empty()) throw Failure(kFailed, "the report could not be written");
    return text;
}

}  // namespace

Snapshot take_snapshot(const Target& target, std::int64_t at) {
    Rows rows;
    const inspect::UnitVisitor visitor{
        [](void* context, const inspect::UnitRecord& record) noexcept {
            static_cast<Rows*>(context)->add(record);
        },
        &rows};
    const SurveyPointer survey = target.survey(&visitor);
    Snapshot snapshot;
    snapshot.units = rows.units;
    std::string& out = snapshot.json;
    out = "{\"at\":" + std::to_string(at) + ",\"report\":" + report_of(survey->result());
    out += ",\"mapped\":[";
    for (const inspect::MappedPlace& each : survey->mapped())
        add_numbers(out, {each.start, each.bytes});
    out += "],\"heaps\":[";
    for (const Row& row : rows.list) {
        if (out.back() != '[') out += ",\n";
        out += "{\"address\":" + std::to_string(row.address) +
               ",\"units\":" + std::to_string((row.end - row.address) / base::kUnitSize) +
               ",\"cells\":[";
        for (const auto& [count, cell] : row.cells)
            add_numbers(out, {count, cell.code, cell.used, cell.resident, cell.length});
        out += "]}";
    }
    out += "]}";
    return snapshot;
}

std::string waterfall_texts() {
    const inspect::Waterfall lines = inspect::waterfall_of({}, {});
    std::string out = "{";
    for (const inspect::WaterfallLine& each : lines.lines) {
        if (out.back() != '{') out += ',';
        out += std::string("\"") + each.key + "\":\"" + each.text + "\"";
    }
    return out + "}";
}

}  // namespace ashlar::command
