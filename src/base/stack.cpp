#include "base/stack.hpp"

#include <elf.h>
#include <sys/ucontext.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>
#include <cerrno>

#include "base/config.hpp"
#include "base/line.hpp"
#include "base/peek.hpp"
#include "base/proc_maps.hpp"

// Weak: the library needs libc only. They are null in programs without it.
extern "C" {
[[gnu::weak]] _Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn, void*);
[[gnu::weak]] _Unwind_Ptr _Unwind_GetIP(_Unwind_Context*);
}

namespace ashlar::base {

namespace {

struct Place {
    std::uintptr_t code;   // where the signal came
    std::uintptr_t frame;  // the frame pointer there
};

#if defined(__x86_64__)
Place place_of(const ucontext_t& context) noexcept {
    return {static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]),
            static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RBP])};
}
#elif defined(__aarch64__)
Place place_of(const ucontext_t& context) noexcept {
    return {context.uc_mcontext.pc, context.uc_mcontext.regs[29]};
}
#else
Place place_of(const ucontext_t&) noexcept { return {0, 0}; }
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

// Frames of this file come first, and those of the signal's delivery.
struct Unwinding {
    Frames out;
    std::uintptr_t first;  // the first address that is wanted
    bool begun;
};

_Unwind_Reason_Code see(_Unwind_Context* context, void* argument) noexcept {
    auto& unwinding = *static_cast<Unwinding*>(argument);
    const std::uintptr_t address = plain(_Unwind_GetIP(context));
    if (address == unwinding.first) unwinding.begun = true;
    if (!unwinding.begun || (address != 0 && unwinding.out.add(address))) return _URC_NO_REASON;
    return _URC_END_OF_STACK;
}

// The unwinder may allocate where a program has made code at run time. A
// capture inside of it, also by a signal handler, follows frame pointers.
constinit thread_local bool unwinds [[gnu::tls_model("initial-exec")]] = false;

}  // namespace

unsigned capture_stack(std::uintptr_t* frames, unsigned most, const void* context) noexcept {
    if (most == 0) return 0;
    const int saved = errno;
    const auto caller = plain(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
    Place place{caller, 0};
    if (context != nullptr) place = place_of(*static_cast<const ucontext_t*>(context));
    if (_Unwind_Backtrace != nullptr && _Unwind_GetIP != nullptr && !unwinds) {
        Unwinding unwinding{{frames, most}, place.code, false};
        unwinds = true;
        _Unwind_Backtrace(see, &unwinding);
        unwinds = false;
        errno = saved;
        if (unwinding.out.n() != 0) return unwinding.out.n();
    }
    Frames out{frames, most};
    if (context == nullptr) {
        walk_frames(out, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
        if (out.n() == 0) out.add(caller);
    } else if (out.add(place.code)) {
        walk_frames(out, place.frame);
    }
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

void print_stack(int descriptor, const std::uintptr_t* frames, unsigned n) noexcept {
    const int saved = errno;
    const int file = open_proc(0, "maps");
    for (unsigned i = 0; i < n; ++i) {
        Line line;
        line.text("#").number(i).text(" 0x").hexadecimal(frames[i]);
        if (file >= 0 && lseek(file, 0, SEEK_SET) == 0) add_module(line, file, frames[i] - 1);
        line.write(descriptor);
    }
    if (file >= 0) close(file);
    errno = saved;
}

}  // namespace ashlar::base
