#include "base/stack.hpp"

#include <elf.h>
#include <sys/ucontext.h>
#include <ucontext.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>

#include "base/config.hpp"
#include "base/frame_rules.hpp"
#include "base/line.hpp"
#include "base/peek.hpp"
#include "base/proc_maps.hpp"

namespace ashlar::base {

namespace {

// The registers of a frame.
struct Frame {
    std::uintptr_t code;
    std::uintptr_t registers[kRegisters];
    bool exact;  // `code` is where it was interrupted, not where a call returns
};

#if defined(__x86_64__)
void read_registers(const ucontext_t& context, Frame& out) noexcept {
    // In the order of DWARF's numbers.
    constexpr int kOrder[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                              REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                              REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    static_assert(sizeof kOrder / sizeof *kOrder == kRegisters);
    for (unsigned i = 0; i < kRegisters; ++i)
        out.registers[i] = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[kOrder[i]]);
    out.code = out.registers[kReturnAddress];
}
// libc has rules for the return from a signal.
bool leave_signal(Frame&, Peek&) noexcept { return false; }
#elif defined(__aarch64__)
void read_registers(const ucontext_t& context, Frame& out) noexcept {
    for (unsigned i = 0; i < kStackPointer; ++i) out.registers[i] = context.uc_mcontext.regs[i];
    out.registers[kStackPointer] = context.uc_mcontext.sp;
    out.code = context.uc_mcontext.pc;
}
// Linux has no rules for the code that a signal's handler returns to. It is
// known by its two instructions, as in libgcc; the stack pointer is that of the
// signal's frame: 128 bytes for siginfo_t, then the context.
bool leave_signal(Frame& frame, Peek& peek) noexcept {
    constexpr std::uint32_t kCall[2] = {0xd2801168, 0xd4000001};  // mov x8, 139; svc 0
    constexpr std::size_t kContext = 128;
    std::uint32_t code[2];
    if (frame.code % sizeof *code != 0 || !peek.get(frame.code, code)) return false;
    if (code[0] != kCall[0] || code[1] != kCall[1]) return false;
    std::uintptr_t found[kRegisters + 1];  // and the program counter
    const std::uintptr_t context = frame.registers[kStackPointer] + kContext;
    if (!peek.get(context + offsetof(ucontext_t, uc_mcontext.regs), found)) return false;
    for (unsigned i = 0; i < kRegisters; ++i) frame.registers[i] = found[i];
    frame.code = found[kRegisters];
    frame.exact = true;
    return true;
}
#else
void read_registers(const ucontext_t&, Frame& out) noexcept { out = {}; }
bool leave_signal(Frame&, Peek&) noexcept { return false; }
#endif

// Without the signature that aarch64 may keep in an address.
std::uintptr_t plain(std::uintptr_t address) noexcept {
    constexpr unsigned kAddressBits = 48;
    return kArm ? address & ((std::uintptr_t{1} << kAddressBits) - 1) : address;
}

class Frames {
  public:
    Frames(std::uintptr_t* frames, unsigned most) noexcept : frames_(frames), most_(most) {}
    // False: there is no room left.
    bool add(std::uintptr_t address) noexcept {
        if (n_ < most_) frames_[n_++] = address;
        return n_ < most_;
    }
    [[nodiscard]] unsigned n() const noexcept { return n_; }

  private:
    std::uintptr_t* frames_;
    unsigned most_;
    unsigned n_ = 0;
};

// On both machines a frame pointer is the address of two words, the caller's
// frame pointer and the return address. Code that keeps none leaves anything
// there: only frames further up the stack are followed.
void walk_frames(Frames& out, std::uintptr_t frame) noexcept {
    constexpr std::uintptr_t kLongest = std::uintptr_t{1} << 20;  // of one function's frame
    constexpr std::uintptr_t kLeastCode = 4096;
    Peek peek;
    for (;;) {
        std::uintptr_t record[2];
        if (frame % sizeof(void*) != 0 || !peek.get(frame, record)) return;
        if (plain(record[1]) < kLeastCode || !out.add(plain(record[1]))) return;
        if (record[0] <= frame || record[0] - frame > kLongest) return;
        frame = record[0];
    }
}

// Evaluates the few operations of DWARF's expressions that frames have: those
// of signals, and of calls through a table of the linker.
class Expression {
  public:
    Expression(const Frame& frame, Peek& peek) noexcept : frame_(frame), peek_(peek) {}

    // False: an unknown operation, or memory that can't be read.
    bool run(FrameBytes in, std::uintptr_t& out) noexcept {
        in = in.part(in.uleb());
        while (!in.empty())
            if (!step(in.get<std::uint8_t>(), in)) return false;
        out = top();
        return !in.bad() && n_ != 0;
    }
    void push(std::uintptr_t value) noexcept {
        if (n_ < kMost) words_[n_++] = value;
    }

  private:
    static constexpr unsigned kMost = 8;

    [[nodiscard]] std::uintptr_t top() const noexcept { return n_ != 0 ? words_[n_ - 1] : 0; }
    std::uintptr_t pop() noexcept { return n_ != 0 ? words_[--n_] : 0; }

    bool step(std::uint8_t op, FrameBytes& in) noexcept {
        constexpr std::uint8_t kLiteral = 0x30, kRegister = 0x70, kEnd = 0x90;
        if (op >= kLiteral && op < kLiteral + 32) {
            push(op - kLiteral);
        } else if (op >= kRegister && op < kEnd) {
            const unsigned which = op - kRegister;
            if (which >= kRegisters) return false;
            push(frame_.registers[which] + static_cast<std::uintptr_t>(in.sleb()));
        } else if (op == 0x06) {  // what lies at the address
            std::uintptr_t word = 0;
            if (!peek_.get(pop(), word)) return false;
            push(word);
        } else if (op == 0x08) {
            push(in.get<std::uint8_t>());
        } else if (op == 0x23) {
            push(pop() + in.uleb());
        } else {
            return combine(op);
        }
        return true;
    }
    bool combine(std::uint8_t op) noexcept {
        const std::uintptr_t right = pop();
        const std::uintptr_t left = pop();
        switch (op) {
            case 0x1a: push(left & right); return true;
            case 0x1c: push(left - right); return true;
            case 0x22: push(left + right); return true;
            case 0x24: push(right < 64 ? left << right : 0); return true;
            case 0x2a:
                push(static_cast<std::intptr_t>(left) >= static_cast<std::intptr_t>(right));
                return true;
            default: return false;
        }
    }

    const Frame& frame_;
    Peek& peek_;
    std::uintptr_t words_[kMost];
    unsigned n_ = 0;
};

class Unwinder {
  public:
    enum class Step { done, end, unknown };

    // From a frame to that of its caller.
    Step step(Frame& frame) noexcept {
        const std::uintptr_t code = frame.exact ? frame.code : frame.code - 1;
        if (!find_frame_rules(code, rules_))
            return leave_signal(frame, peek_) ? Step::done : Step::unknown;
        const FrameRow& row = rules_.row;
        std::uintptr_t base = 0;
        if (row.expression != 0) {
            if (!evaluate(frame, row.expression, false, 0, base)) return Step::unknown;
        } else {
            if (row.base >= kRegisters) return Step::unknown;
            base = frame.registers[row.base] + static_cast<std::uintptr_t>(row.distance);
        }
        Frame next = frame;
        for (unsigned i = 0; i < kRegisters; ++i)
            if (!restore(frame, base, i, next.registers[i])) return Step::unknown;
        if (row.rules[kStackPointer] == FrameRule::same) next.registers[kStackPointer] = base;
        next.code = plain(next.registers[kReturnAddress]);
        next.exact = rules_.is_signal;
        const bool stays = base == frame.registers[kStackPointer] && next.code == frame.code;
        if (row.rules[kReturnAddress] == FrameRule::undefined || next.code == 0 || stays)
            return Step::end;
        frame = next;
        return Step::done;
    }

  private:
    bool evaluate(const Frame& frame, std::uintptr_t at, bool with_base, std::uintptr_t base,
                  std::uintptr_t& out) noexcept {
        Expression expression(frame, peek_);
        if (with_base) expression.push(base);
        return expression.run({at, rules_.end}, out);
    }
    bool restore(const Frame& frame, std::uintptr_t base, unsigned which,
                 std::uintptr_t& out) noexcept {
        const std::int64_t value = rules_.row.values[which];
        const auto word = static_cast<std::uintptr_t>(value);
        switch (rules_.row.rules[which]) {
            case FrameRule::at_offset: return peek_.get(base + word, out);
            case FrameRule::offset: out = base + word; return true;
            case FrameRule::in_register:
                if (word >= kRegisters) return false;
                out = frame.registers[word];
                return true;
            case FrameRule::at_expression:
                return evaluate(frame, word, true, base, out) && peek_.get(out, out);
            case FrameRule::expression: return evaluate(frame, word, true, base, out);
            default: return true;
        }
    }

    FrameRules rules_;
    Peek peek_;
};

}  // namespace

unsigned capture_stack(std::uintptr_t* frames, unsigned most, const void* context) noexcept {
    constexpr unsigned kMostSteps = 256;
    ucontext_t own;
    getcontext(&own);  // first: for the compiler it returns twice
    const auto caller = plain(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
    const auto own_frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    Frame frame;
    read_registers(context != nullptr ? *static_cast<const ucontext_t*>(context) : own, frame);
    frame.exact = true;
    Frames out(frames, most);
    bool begun = context != nullptr;
    Unwinder unwinder;
    auto last = Unwinder::Step::done;
    for (unsigned i = 0; i < kMostSteps; ++i) {
        begun = begun || frame.code == caller;
        if (begun && !out.add(frame.code)) return out.n();
        last = unwinder.step(frame);
        if (last != Unwinder::Step::done) break;
    }
    if (last == Unwinder::Step::unknown && begun) walk_frames(out, frame.registers[kFramePointer]);
    if (out.n() == 0) walk_frames(out, own_frame);
    if (out.n() == 0) out.add(caller);
    return out.n();
}

namespace {

// Of a line of maps: most file names fit.
constexpr std::size_t kTextBytes = 400;

// Where the file's addresses begin: 0 in one that is loaded where it says.
std::uintptr_t bias_of(std::uintptr_t start) noexcept {
    Peek peek;
    Elf64_Ehdr header;
    if (!peek.get(start, header) || header.e_ident[0] != ELFMAG0 || header.e_ident[1] != ELFMAG1)
        return start;
    return header.e_type == ET_EXEC ? 0 : start;
}

// Adds the mapping that holds the address, with the offset in its file.
void add_module(Line& line, int file, std::uintptr_t address) noexcept {
    char text[kTextBytes + 1];
    Lines lines;
    lines.start(file, text, kTextBytes);
    Mapping mapping;
    std::uint64_t inode = 0;
    std::uintptr_t start = 0;  // of the file's first mapping
    while (const char* each = lines.next()) {
        if (!parse_mapping(each, mapping)) continue;
        if (mapping.offset == 0 || mapping.inode != inode) start = mapping.start - mapping.offset;
        inode = mapping.inode;
        if (address < mapping.start || address >= mapping.end) continue;
        if (*mapping.name == '\0') mapping.name = "[anonymous]";
        const bool is_file = mapping.inode != 0;
        line.text(" ").text(mapping.name).text("+0x");
        line.hexadecimal(address - (is_file ? bias_of(start) : mapping.start));
        return;
    }
}

}  // namespace

bool print_stack(int descriptor, const std::uintptr_t* frames, unsigned n) noexcept {
    const int saved = errno;
    const int file = open_proc(0, "maps");
    bool whole = true;
    for (unsigned i = 0; i < n; ++i) {
        Line line;
        line.text("#").number(i).text(" 0x").hexadecimal(frames[i]);
        if (file >= 0 && lseek(file, 0, SEEK_SET) == 0) add_module(line, file, frames[i] - 1);
        whole = line.write(descriptor) && whole;
    }
    if (file >= 0) close(file);
    errno = saved;
    return whole;
}

}  // namespace ashlar::base
