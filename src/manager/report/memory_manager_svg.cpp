// A picture of a manager's buffer: rows of equal length, each range at its
// offsets. Ranges narrower than a pixel are drawn together with their
// neighbours, in a shade between free and used.
#include <algorithm>
#include <array>
#include <ashlar/memory_manager.hpp>
#include <bit>
#include <ostream>

#include "manager/engine/manager.hpp"
#include "manager/report/text.hpp"

namespace ashlar {

namespace {

using manager::decimal;

constexpr double kLeft = 150, kWidth = 1024, kTop = 64, kHeight = 22, kPitch = 28, kFoot = 48;
constexpr Size kRows = 32, kMostRows = 1000;
constexpr double kCrowd = 3;  // pixels that crowded ranges are drawn together in

const char* colour(BlockView::Kind kind) {
    switch (kind) {
        case BlockView::Kind::block: return "#3d7ab5";
        case BlockView::Kind::small_block: return "#7fb2dd";
        case BlockView::Kind::movable: return "#58a55c";
        case BlockView::Kind::reserved: return "#7d7d85";
        case BlockView::Kind::slab: return "#e3d5ae";
        case BlockView::Kind::hole: return "#ffffff";
    }
    return "";
}

class Picture {
  public:
    Picture(std::ostream& out, const manager::Snapshot& snapshot, Size bytes_per_row)
        : out_(out), snapshot_(snapshot), row_bytes_(bytes_per_row) {}

    void draw(const char* policy) {
        begin(policy);
        for (const BlockView& view : snapshot_.views) add(view);
        flush();
        legend();
        out_ << "</svg>\n";
    }

  private:
    [[nodiscard]] Size rows() const {
        return (snapshot_.totals.capacity + row_bytes_ - 1) / row_bytes_;
    }
    [[nodiscard]] double x(Offset within) const {
        return kLeft + kWidth * static_cast<double>(within) / static_cast<double>(row_bytes_);
    }
    [[nodiscard]] static double y(Size row) { return kTop + kPitch * static_cast<double>(row); }

    void begin(const char* policy) {
        const ManagerStatistics& totals = snapshot_.totals;
        const std::string width = decimal(kLeft + kWidth + 20, 0),
                          height = decimal(y(rows()) + kFoot, 0);
        out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\""
             << height << "\" viewBox=\"0 0 " << width << ' ' << height
             << "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
             << "<rect width=\"100%\" height=\"100%\" fill=\"#f6f6f4\"/>\n";
        words(16, 24, manager::amount(totals.capacity) + ", " + policy, " font-size=\"16\"");
        words(16, 46,
              manager::amount(totals.used) + " used in " + std::to_string(totals.blocks) +
                  " blocks, " + std::to_string(totals.free_ranges) +
                  " free ranges, the largest of " + manager::amount(totals.largest_free) +
                  ", fragmentation " + decimal(totals.fragmentation(), 3) + ", " +
                  manager::amount(row_bytes_) + " a row");
        for (Size row = 0; row < rows(); ++row) {
            const Size length = std::min(row_bytes_, totals.capacity - row * row_bytes_);
            words(kLeft - 10, y(row) + 15, std::to_string(row * row_bytes_),
                  " text-anchor=\"end\" fill=\"#666\"");
            rectangle(x(0), y(row), x(length) - x(0), "#ffffff", {});
        }
    }
    void words(double left, double base, const std::string& text, const char* style = "") {
        out_ << "<text x=\"" << decimal(left, 0) << "\" y=\"" << decimal(base, 0) << '"' << style
             << '>' << manager::xml_text(text) << "</text>\n";
    }
    void rectangle(double left, double top, double width, const std::string& fill,
                   const std::string& title) {
        out_ << "<rect x=\"" << decimal(left, 2) << "\" y=\"" << decimal(top, 0) << "\" width=\""
             << decimal(width, 2) << "\" height=\"" << decimal(kHeight, 0) << "\" fill=\"" << fill
             << (width >= 3 ? "\" stroke=\"#55606a\" stroke-width=\"0.5\"" : "\"");
        if (title.empty()) {
            out_ << "/>\n";
        } else {
            out_ << "><title>" << manager::xml_text(title) << "</title></rect>\n";
        }
    }

    // Row by row.
    void add(const BlockView& view) {
        for (Offset at = view.start; at < view.start + view.size;) {
            const Size row = at / row_bytes_;
            const Offset end = std::min(view.start + view.size, (row + 1) * row_bytes_);
            add(view, row, at - row * row_bytes_, end - row * row_bytes_);
            at = end;
        }
    }
    void add(const BlockView& view, Size row, Offset from, Offset to) {
        const bool crowd = x(to) - x(from) < 1;
        if (row != row_ || !crowd || x(to) - x(from_) > kCrowd) flush();
        if (crowd) {
            if (from_ == to_) from_ = from;
            to_ = to;
            row_ = row;
            if (view.kind != BlockView::Kind::hole) used_ += to - from;
        } else if (view.kind != BlockView::Kind::hole) {
            const std::string name = snapshot_.name(view);
            rectangle(x(from), y(row), x(to) - x(from), colour(view.kind),
                      (name.empty() ? "" : name + ": ") + manager::kind_name(view.kind) + " at " +
                          std::to_string(view.start) + ", " + manager::amount(view.size));
        }
    }
    // Draws the crowded ranges as one rectangle.
    void flush() {
        if (from_ != to_ && used_ != 0) {
            const double share = static_cast<double>(used_) / static_cast<double>(to_ - from_);
            const auto shade = [share](int full) {
                return std::to_string(static_cast<int>(255 - share * (255 - full)));
            };
            rectangle(x(from_), y(row_), x(to_) - x(from_),
                      "rgb(" + shade(0x3d) + ',' + shade(0x7a) + ',' + shade(0xb5) + ')', {});
        }
        from_ = to_ = used_ = 0;
    }
    void legend() {
        using Kind = BlockView::Kind;
        double left = kLeft;
        for (const Kind kind : {Kind::block, Kind::small_block, Kind::movable, Kind::reserved,
                                Kind::slab, Kind::hole}) {
            rectangle(left, y(rows()) + 8, 14, colour(kind), {});
            words(left + 20, y(rows()) + 24,
                  kind == Kind::slab ? "in no block" : manager::kind_name(kind));
            left += 120;
        }
    }

    std::ostream& out_;
    const manager::Snapshot& snapshot_;
    Size row_bytes_;
    Offset from_ = 0, to_ = 0;  // the crowded ranges, in their row
    Size row_ = 0, used_ = 0;
};

}  // namespace

void MemoryManager::write_svg(std::ostream& out, Size bytes_per_row) const {
    const manager::Snapshot snapshot = manager_->snapshot();
    const Size capacity = snapshot.totals.capacity;
    if (bytes_per_row == 0) bytes_per_row = std::bit_ceil(std::max(Size{64}, capacity / kRows));
    Picture(out, snapshot, std::max(bytes_per_row, capacity / kMostRows)).draw(policy_name());
}

}  // namespace ashlar
