#include "base/frame_rules.hpp"

// As in <dlfcn.h> of glibc.
struct DlFindObject {
    unsigned long long flags;
    void* start;
    void* end;
    void* link_map;
    void* header;  // of .eh_frame
    unsigned long long reserved[7];
};
// Weak: glibc has it since 2.35. It takes no lock, and allocates nothing.
extern "C" [[gnu::weak]] int _dl_find_object(void* address, DlFindObject* out) noexcept;

namespace ashlar::base {

namespace {

// Encodings of pointers: the low half is the format, the high one the base.
constexpr std::uint8_t kOmitted = 0xff, kAbsolute = 0x00, kUnsigned4 = 0x03, kSigned4 = 0x0b;
constexpr std::uint8_t kSigned8 = 0x0c, kFromHere = 0x10, kIndirect = 0x80;
constexpr std::uint8_t kTable = 0x3b;  // 4 bytes from the beginning of the header

struct Object {
    std::uintptr_t start, end, header;
};

bool find_object(std::uintptr_t code, Object& out) noexcept {
    DlFindObject found;
    if (_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(code), &found) != 0)
        return false;
    out = {reinterpret_cast<std::uintptr_t>(found.start),
           reinterpret_cast<std::uintptr_t>(found.end),
           reinterpret_cast<std::uintptr_t>(found.header)};
    return out.header >= out.start && out.header < out.end;
}

// The record of the function, by the sorted table behind the header:
//   version | encodings: 3 | .eh_frame: 4 | n: 4 | n * (function: 4, record: 4)
std::uintptr_t find_record(const Object& object, std::uintptr_t code) noexcept {
    FrameBytes header(object.header, object.end);
    const auto version = header.get<std::uint8_t>();
    const auto frame = header.get<std::uint8_t>();
    const auto count = header.get<std::uint8_t>();
    const auto table = header.get<std::uint8_t>();
    if (version != 1 || count != kUnsigned4 || table != kTable) return 0;
    static_cast<void>(header.pointer(frame));
    const auto n = header.get<std::uint32_t>();
    const std::uintptr_t entries = header.at();
    if (header.bad() || n == 0 || (object.end - entries) / 8 < n) return 0;
    const auto word = [&](std::uint32_t entry, std::uintptr_t which) noexcept {
        FrameBytes at(entries + entry * std::uintptr_t{8} + which * 4, object.end);
        return object.header + static_cast<std::uintptr_t>(std::intptr_t{at.get<std::int32_t>()});
    };
    if (code < word(0, 0)) return 0;
    std::uint32_t low = 0;
    for (std::uint32_t high = n; high - low > 1;) {
        const std::uint32_t middle = low + (high - low) / 2;
        (word(middle, 0) <= code ? low : high) = middle;
    }
    return word(low, 1);
}

// The fields that functions of a kind share.
struct Common {
    std::uint64_t code_factor;
    std::int64_t data_factor;
    std::uint8_t pointers;
    bool has_data, is_signal;
    FrameBytes instructions;
};

// A record begins with its length, and ends there.
FrameBytes open_record(std::uintptr_t at, const Object& object) noexcept {
    if (at < object.start || at >= object.end) return {};
    FrameBytes all(at, object.end);
    return all.part(all.get<std::uint32_t>());
}

bool read_common(std::uintptr_t at, const Object& object, Common& out) noexcept {
    FrameBytes record = open_record(at, object);
    out = {};
    const bool is_common = record.get<std::uint32_t>() == 0;
    const auto version = record.get<std::uint8_t>();
    char letters[8] = {};
    unsigned n = 0;
    while ((letters[n] = record.get<char>()) != '\0')
        if (++n == sizeof letters) return false;
    out.code_factor = record.uleb();
    out.data_factor = record.sleb();
    const std::uint64_t column = version == 1 ? record.get<std::uint8_t>() : record.uleb();
    if (!is_common || record.bad() || column != kReturnAddress) return false;
    out.has_data = letters[0] == 'z';
    if (!out.has_data && letters[0] != '\0') return false;
    FrameBytes data = out.has_data ? record.part(record.uleb()) : FrameBytes();
    for (unsigned i = 1; i < n; ++i) {
        switch (letters[i]) {
            case 'R': out.pointers = data.get<std::uint8_t>(); break;
            case 'L': data.get<std::uint8_t>(); break;
            case 'P': static_cast<void>(data.pointer(data.get<std::uint8_t>())); break;
            case 'S': out.is_signal = true; break;
            case 'B':         // aarch64: signed by the other key
            case 'G': break;  // aarch64: its stack has tagged memory
            default: return false;
        }
    }
    out.instructions = record;
    return !record.bad() && !data.bad();
}

// Runs the instructions that make up the rows of a function's table.
class Machine {
  public:
    Machine(const Common& common, FrameRow& row) noexcept : common_(common), row_(row) {}

    void set_initial() noexcept { initial_ = row_; }
    // Up to the row of `code`; `at` is where the first row begins. False: an
    // unknown instruction.
    bool run(FrameBytes in, std::uintptr_t at, std::uintptr_t code) noexcept {
        at_ = at;
        while (!in.empty() && at_ <= code) {
            const auto op = in.get<std::uint8_t>();
            const unsigned low = op & 0x3f;
            switch (op >> 6) {
                case 1: at_ += low * common_.code_factor; break;
                case 2: set(low, FrameRule::at_offset, scaled(in.uleb())); break;
                case 3: restore(low); break;
                default:
                    if (!extended(op, in)) return false;
            }
        }
        return !in.bad();
    }

  private:
    static constexpr unsigned kMostRemembered = 4;

    [[nodiscard]] std::int64_t scaled(std::uint64_t factor) const noexcept {
        return static_cast<std::int64_t>(factor) * common_.data_factor;
    }
    void set(std::uint64_t which, FrameRule rule, std::int64_t value) noexcept {
        if (which >= kRegisters) return;
        row_.rules[which] = rule;
        row_.values[which] = value;
    }
    void restore(std::uint64_t which) noexcept {
        if (which < kRegisters) set(which, initial_.rules[which], initial_.values[which]);
    }
    void set_base(std::uint64_t which, std::int64_t distance) noexcept {
        row_.base = static_cast<unsigned>(which);
        row_.distance = distance;
        row_.expression = 0;
    }
    static std::int64_t block(FrameBytes& in) noexcept {
        const auto at = static_cast<std::int64_t>(in.at());
        static_cast<void>(in.part(in.uleb()));
        return at;
    }
    bool extended(std::uint8_t op, FrameBytes& in) noexcept {
        switch (op) {
            case 0x00: return true;
            case 0x01: at_ = in.pointer(common_.pointers); return true;
            case 0x02: at_ += in.get<std::uint8_t>() * common_.code_factor; return true;
            case 0x03: at_ += in.get<std::uint16_t>() * common_.code_factor; return true;
            case 0x04: at_ += in.get<std::uint32_t>() * common_.code_factor; return true;
            case 0x0a: return remember();
            case 0x0b: return recall();
            case 0x0f: row_.expression = static_cast<std::uintptr_t>(block(in)); return true;
            case 0x0e: row_.distance = static_cast<std::int64_t>(in.uleb()); return true;
            case 0x13: row_.distance = in.sleb() * common_.data_factor; return true;
            // aarch64: the return address is signed from here on, or no more.
            // The signature is in bits that no address of a program has.
            case 0x2c:
            case 0x2d: return true;
            case 0x2e: in.uleb(); return true;
            default: return of_register(op, in.uleb(), in);
        }
    }
    bool of_register(std::uint8_t op, std::uint64_t which, FrameBytes& in) noexcept {
        switch (op) {
            case 0x05: set(which, FrameRule::at_offset, scaled(in.uleb())); return true;
            case 0x06: restore(which); return true;
            case 0x07: set(which, FrameRule::undefined, 0); return true;
            case 0x08: set(which, FrameRule::same, 0); return true;
            case 0x09:
                set(which, FrameRule::in_register, static_cast<std::int64_t>(in.uleb()));
                return true;
            case 0x0c: set_base(which, static_cast<std::int64_t>(in.uleb())); return true;
            case 0x0d: set_base(which, row_.distance); return true;
            case 0x10: set(which, FrameRule::at_expression, block(in)); return true;
            case 0x11:
                set(which, FrameRule::at_offset, in.sleb() * common_.data_factor);
                return true;
            case 0x12: set_base(which, in.sleb() * common_.data_factor); return true;
            case 0x14: set(which, FrameRule::offset, scaled(in.uleb())); return true;
            case 0x15: set(which, FrameRule::offset, in.sleb() * common_.data_factor); return true;
            case 0x16: set(which, FrameRule::expression, block(in)); return true;
            default: return false;
        }
    }
    bool remember() noexcept {
        if (remembered_ == kMostRemembered) return false;
        kept_[remembered_++] = row_;
        return true;
    }
    bool recall() noexcept {
        if (remembered_ == 0) return false;
        row_ = kept_[--remembered_];
        return true;
    }

    const Common& common_;
    FrameRow& row_;
    FrameRow initial_{};
    FrameRow kept_[kMostRemembered];
    unsigned remembered_ = 0;
    std::uintptr_t at_ = 0;
};

}  // namespace

std::uint64_t FrameBytes::leb(bool is_signed) noexcept {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0x80;
    while ((byte & 0x80) != 0 && shift < 64) {
        byte = get<std::uint8_t>();
        value |= std::uint64_t{byte & 0x7fU} << shift;
        shift += 7;
    }
    if (is_signed && (byte & 0x40) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
    return value;
}

std::uintptr_t FrameBytes::pointer(std::uint8_t encoding) noexcept {
    if (encoding == kOmitted) return 0;
    const std::uintptr_t here = at_;
    std::uintptr_t value = 0;
    switch (encoding & 0x0f) {
        case kAbsolute:
        case kSigned8:
        case 0x04: value = get<std::uintptr_t>(); break;
        case kUnsigned4: value = get<std::uint32_t>(); break;
        case kSigned4:
            value = static_cast<std::uintptr_t>(std::intptr_t{get<std::int32_t>()});
            break;
        default: bad_ = true;
    }
    // Others are indirect, and only of personality routines, which are skipped.
    return (encoding & 0x70) == kFromHere && (encoding & kIndirect) == 0 ? here + value : value;
}

FrameBytes FrameBytes::part(std::uint64_t n) noexcept {
    if (end_ - at_ < n || at_ > end_) {
        bad_ = true;
        n = 0;
    }
    FrameBytes found(at_, at_ + n);
    found.bad_ = bad_;
    at_ += n;
    return found;
}

bool find_frame_rules(std::uintptr_t code, FrameRules& out) noexcept {
    Object object;
    if (!find_object(code, object)) return false;
    const std::uintptr_t at = find_record(object, code);
    FrameBytes record = open_record(at, object);
    const std::uintptr_t place = record.at();
    const auto back = record.get<std::uint32_t>();
    Common common;
    if (record.bad() || !read_common(place - back, object, common)) return false;
    const std::uintptr_t first = record.pointer(common.pointers);
    const std::uintptr_t length = record.pointer(common.pointers & 0x0f);
    if (common.has_data) static_cast<void>(record.part(record.uleb()));
    if (record.bad() || code - first >= length) return false;
    out.row = {};
    out.end = object.end;
    out.is_signal = common.is_signal;
    Machine machine(common, out.row);
    if (!machine.run(common.instructions, 0, ~std::uintptr_t{0})) return false;
    machine.set_initial();
    return machine.run(record, first, code);
}

}  // namespace ashlar::base
