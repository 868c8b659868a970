#include "command/address.hpp"

#include <cinttypes>
#include <cstdio>

#include <charconv>
#include <nlohmann/json.hpp>

#include "command/program.hpp"
#include "malloc/inspect/free_lists.hpp"

namespace ashlar::command {
namespace {

using base::kUnitShift;
using inspect::UnitKind;

constexpr int kUsage = 2;
constexpr int kForeign = 1;

// A slab, a run, or units of one use in a row.
struct Piece {
    std::uint64_t address, units;
    UnitKind kind;
    base::Bin bin;
    [[nodiscard]] std::uint64_t end() const { return address + (units << kUnitShift); }
    [[nodiscard]] std::uint64_t bytes() const { return units << kUnitShift; }
};

// Finds the piece that holds an address, and those around it.
struct Search {
    std::uint64_t address;
    std::optional<Piece> before, piece, after;
    base::Word free[base::kMaxSlabWords];  // of the slab, if it is one

    void add(const inspect::UnitRecord& record) {
        Piece next{record.address, record.units, record.kind, record.bin};
        if (current_ && current_->end() == next.address && current_->kind == next.kind &&
            next.kind != UnitKind::slab && next.kind != UnitKind::run) {
            ++current_->units;
            return;
        }
        flush();
        current_ = next;
        if (record.free != nullptr && address >= next.address && address < next.end())
            std::copy_n(record.free, base::kMaxSlabWords, free);
    }
    void flush() {
        if (!current_) return;
        // Heaps come in any order.
        if (current_->end() <= address) {
            if (!before || before->address < current_->address) before = current_;
        } else if (current_->address <= address) {
            piece = current_;
        } else if (!after || current_->address < after->address) {
            after = current_;
        }
    }

  private:
    std::optional<Piece> current_;
};

const char* name_of(UnitKind kind) {
    switch (kind) {
        case UnitKind::kept: return "free units, kept for reuse or in a thread's hands";
        case UnitKind::dirty: return "free units, not returned to the system yet";
        case UnitKind::aged: return "free units, to be returned to the system soon";
        case UnitKind::clean: return "free units, returned to the system";
        case UnitKind::fresh: return "units that were never used";
        case UnitKind::slab: return "slab";
        default: return "run";
    }
}

class Lookup {
  public:
    Lookup(const inspect::Survey& survey, Search& search, AddressAnswer& answer)
        : survey_(survey), search_(search), answer_(answer) {}

    bool run() {
        const std::uint64_t address = answer_.address;
        for (const inspect::MappedPlace& each : survey_.mapped()) {
            if (address < each.start || address - each.start >= each.bytes) continue;
            fill("mapped", "live, with a mapping of its own", each.start, each.bytes);
            return true;
        }
        const inspect::MappedPlace& guarded = survey_.guarded();
        if (address - guarded.start < guarded.bytes) {
            fill("guarded", "among the guarded blocks", 0, 0);
            return true;
        }
        for (const std::uint64_t heap : survey_.heaps()) {
            if (!inspect::read_layout(survey_.memory(), heap, layout_)) continue;
            if (address < layout_.self || address >= inspect::end_of(layout_)) continue;
            in_heap();
            return true;
        }
        return false;
    }

  private:
    void fill(const char* kind, const std::string& state, std::uint64_t start,
              std::uint64_t bytes) {
        answer_.kind = kind;
        answer_.state = state;
        answer_.start = start;
        answer_.bytes = bytes;
    }

    void in_heap() {
        if (answer_.address < layout_.base)
            return fill("metadata", "in the metadata of a heap", 0, 0);
        if (!search_.piece)
            return fill("reserved", "in a heap's address range, which it has not used yet", 0, 0);
        lists_ = std::make_unique<inspect::FreeLists>(survey_.memory(), layout_);
        const Piece& piece = *search_.piece;
        if (piece.kind == UnitKind::slab) return in_slab(piece);
        answer_.before = neighbour(search_.before);
        answer_.after = neighbour(search_.after);
        if (piece.kind != UnitKind::run)
            return fill("units", name_of(piece.kind), piece.address, piece.bytes());
        fill("run", state_of(piece.bin, piece.address), piece.address, piece.bytes());
    }

    // Of the same heap only: walks over two heaps follow each other.
    std::optional<Neighbour> neighbour(const std::optional<Piece>& piece) {
        if (!piece || piece->address < layout_.base || piece->address >= inspect::end_of(layout_)) {
            return std::nullopt;
        }
        std::string state = name_of(piece->kind);
        if (piece->kind == UnitKind::slab)
            state = "slab of blocks of " + std::to_string(base::size_of_bin(piece->bin)) + " bytes";
        if (piece->kind == UnitKind::run) state = "run, " + state_of(piece->bin, piece->address);
        return Neighbour{piece->address, piece->bytes(), state};
    }

    std::string state_of(base::Bin bin, std::uint64_t block) const {
        switch (lists_->find(bin, block)) {
            case inspect::FreeLists::Place::thread: return "free: in the cache of a thread";
            case inspect::FreeLists::Place::shared: return "free: in a shared cache";
            case inspect::FreeLists::Place::depot: return "free: in the depot";
            default: return "live";
        }
    }

    [[nodiscard]] bool free_in_slab(std::uint32_t block) const {
        return (search_.free[block / base::kWordBits] >> block % base::kWordBits & 1) != 0;
    }

    Neighbour block_at(const Piece& slab, std::uint32_t block) const {
        const std::uint64_t size = base::kGeometry[slab.bin].size;
        const std::uint64_t address = slab.address + block * size;
        return {address, size,
                free_in_slab(block) ? "free: in its slab" : state_of(slab.bin, address)};
    }

    void in_slab(const Piece& slab) {
        const base::ClassGeometry& g = base::kGeometry[slab.bin];
        SlabAnswer about{slab.address, slab.bytes(), g.blocks, 0};
        for (std::uint32_t w = 0; w < g.words; ++w)
            about.in_use += base::count(~search_.free[w] & base::full_word(g, w));
        answer_.slab = about;
        const std::uint32_t block = base::block_of_offset(g, answer_.address - slab.address);
        if (block > 0) answer_.before = block_at(slab, std::min(block, g.blocks) - 1);
        if (block >= g.blocks)
            return fill("slab_end", "behind the last block of a slab, too short for another", 0, 0);
        if (block + 1 < g.blocks) answer_.after = block_at(slab, block + 1);
        const Neighbour own = block_at(slab, block);
        fill("block", own.state, own.address, own.bytes);
    }

    const inspect::Survey& survey_;
    Search& search_;
    AddressAnswer& answer_;
    inspect::HeapLayout layout_{};
    std::unique_ptr<inspect::FreeLists> lists_;
};

void say_foreign(const Target& target, AddressAnswer& answer) {
    answer.kind = "foreign";
    answer.state = "in no heap of Ashlar";
    if (target.core() == nullptr) return;
    const std::string file = target.core()->file_at(answer.address);
    char byte = 0;
    if (!file.empty()) {
        answer.state += ", but in " + file;
    } else if (!target.core()->view().get(answer.address, byte)) {
        answer.state += ", and the core has no memory there";
    }
}

nlohmann::ordered_json to_json(const std::optional<Neighbour>& one) {
    if (!one) return nullptr;
    return {{"address", one->address}, {"bytes", one->bytes}, {"state", one->state}};
}

void print_json(const AddressAnswer& answer) {
    nlohmann::ordered_json object = {{"address", answer.address},
                                     {"kind", answer.kind},
                                     {"state", answer.state},
                                     {"start", nullptr},
                                     {"bytes", nullptr},
                                     {"slab", nullptr},
                                     {"before", to_json(answer.before)},
                                     {"after", to_json(answer.after)}};
    if (answer.bytes != 0) {
        object["start"] = answer.start;
        object["bytes"] = answer.bytes;
    }
    if (answer.slab) {
        object["slab"] = {{"address", answer.slab->address},
                          {"bytes", answer.slab->bytes},
                          {"blocks", answer.slab->blocks},
                          {"in_use", answer.slab->in_use}};
    }
    std::printf("%s\n", object.dump(2).c_str());
}

void print_neighbour(const char* label, const std::optional<Neighbour>& one) {
    if (!one) return;
    std::printf("  %-9s 0x%" PRIx64 ", %" PRIu64 " bytes, %s\n", label, one->address, one->bytes,
                one->state.c_str());
}

}  // namespace

std::uint64_t parse_address(const std::string& text) {
    const char* from = text.c_str();
    const char* const end = from + text.size();
    if (text.starts_with("0x") || text.starts_with("0X")) from += 2;
    std::uint64_t address = 0;
    const auto [at, error] = std::from_chars(from, end, address, 16);
    if (from == end || at != end || error != std::errc{})
        throw Failure(kUsage, "'" + text + "' is no address: give it in base 16");
    return address;
}

AddressAnswer look_up(const Target& target, std::uint64_t address) {
    Search search{};
    search.address = address;
    const inspect::UnitVisitor visitor{
        [](void* context, const inspect::UnitRecord& record) noexcept {
            static_cast<Search*>(context)->add(record);
        },
        &search};
    const SurveyPointer survey = target.survey_heaps(visitor);
    search.flush();
    AddressAnswer answer;
    answer.address = address;
    if (!Lookup(*survey, search, answer).run()) say_foreign(target, answer);
    return answer;
}

int print_address(const AddressAnswer& answer, bool json) {
    const int status = answer.ours() ? 0 : kForeign;
    if (json) {
        print_json(answer);
        return status;
    }
    std::printf("0x%" PRIx64 ": ", answer.address);
    if (answer.bytes == 0 || answer.kind == "units") {
        std::printf("%s\n", answer.state.c_str());
    } else {
        std::printf("byte %" PRIu64 " of a block of %" PRIu64 " bytes, %s\n",
                    answer.address - answer.start, answer.bytes, answer.state.c_str());
    }
    if (answer.bytes != 0) {
        std::printf("  %-9s 0x%" PRIx64 " to 0x%" PRIx64 "\n", answer.kind.c_str(), answer.start,
                    answer.start + answer.bytes);
    }
    if (answer.slab) {
        std::printf("  %-9s 0x%" PRIx64 ", %" PRIu64 " KiB: %" PRIu64 " blocks, %" PRIu64
                    " not free in it\n",
                    "slab", answer.slab->address, answer.slab->bytes >> 10, answer.slab->blocks,
                    answer.slab->in_use);
    }
    print_neighbour("before", answer.before);
    print_neighbour("after", answer.after);
    return status;
}

}  // namespace ashlar::command
