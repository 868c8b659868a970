// The dump of a manager as JSON, as described by docs/manager/schema.json.
#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <ostream>

#include "manager/engine/manager.hpp"
#include "manager/report/text.hpp"

namespace ashlar {

namespace {

const char* memory_name(manager::Buffer::Kind kind) {
    switch (kind) {
        case manager::Buffer::Kind::own: return "own";
        case manager::Buffer::Kind::parts: return "caller";
        case manager::Buffer::Kind::none: return "none";
    }
    return "";
}

// One "name": value after another, between braces.
class Object {
  public:
    explicit Object(std::ostream& out) : out_(out) { out_ << '{'; }
    ~Object() { out_ << '}'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    Object& raw(const char* name, const std::string& value) {
        out_ << (first_ ? "\"" : ", \"") << name << "\": " << value;
        first_ = false;
        return *this;
    }
    Object& number(const char* name, Size value) { return raw(name, std::to_string(value)); }
    Object& text(const char* name, std::string_view value) {
        return raw(name, manager::json_string(value));
    }

  private:
    std::ostream& out_;
    bool first_ = true;
};

void write_statistics(std::ostream& out, const ManagerStatistics& totals) {
    Object object(out);
    object.number("capacity", totals.capacity)
        .number("limit", totals.limit)
        .number("used", totals.used);
    object.number("peak_used", totals.peak_used)
        .number("overhead", totals.overhead)
        .number("largest_free", totals.largest_free);
    object.number("blocks", totals.blocks)
        .number("free_ranges", totals.free_ranges)
        .number("metadata", totals.metadata);
    object.raw("fragmentation", manager::decimal(totals.fragmentation(), 6));
}

void write_histogram(std::ostream& out, const std::uint64_t (&counts)[49]) {
    out << '[';
    const char* separator = "";
    for (unsigned i = 0; i < 49; ++i) {
        if (counts[i] == 0) continue;
        out << separator;
        separator = ", ";
        Object(out).number("from", Size{1} << i).number("count", counts[i]);
    }
    out << ']';
}

}  // namespace

void MemoryManager::write_json(std::ostream& out) const {
    const manager::Snapshot snapshot = manager_->snapshot();
    const ManagerHistograms histograms = snapshot.histograms();
    out << "{\n  \"format\": \"ashlar-memory-manager\",\n  \"version\": 1,\n  \"policy\": "
        << manager::json_string(policy_name()) << ",\n  \"threads\": "
        << (manager_->options().threads == Threads::many ? "\"many\"" : "\"one\"")
        << ",\n  \"memory\": \"" << memory_name(manager_->buffer().kind())
        << "\",\n  \"granularity\": " << std::to_string(manager_->granularity())
        << ",\n  \"statistics\": ";
    write_statistics(out, snapshot.totals);
    out << ",\n  \"block_sizes\": ";
    write_histogram(out, histograms.blocks);
    out << ",\n  \"free_sizes\": ";
    write_histogram(out, histograms.holes);
    out << ",\n  \"ranges\": [";
    const char* separator = "\n    ";
    for (const BlockView& view : snapshot.views) {
        out << separator;
        separator = ",\n    ";
        Object object(out);
        object.number("offset", view.start)
            .number("size", view.size)
            .text("kind", manager::kind_name(view.kind));
        // Digits in a string: readers may take a number for a double.
        if (view.user != 0) object.text("user_data", std::to_string(view.user));
        if (const std::string name = snapshot.name(view); !name.empty()) object.text("name", name);
    }
    out << "\n  ]\n}\n";
}

}  // namespace ashlar
