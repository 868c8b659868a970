// kinds KIND: one kind of misuse that public programs test allocators with, at
// ASHLAR_CHECK=paranoid. Each ends in its own way: by a line and abort(), by a
// fault of the access itself, or well, where the misuse finds nothing and harms
// nothing. README.md has the table.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <malloc.h>

#include "child.hpp"

namespace {

constexpr std::size_t kSmall = 64;
constexpr std::size_t kLarge = 256 * 1024;
constexpr std::size_t kLonger = 3 * 1024 * 1024;
constexpr std::size_t kMapped = 40 * 1024 * 1024;
constexpr std::size_t kMiB = 1024 * 1024;

unsigned char* take(std::size_t size) {
    auto* block = static_cast<unsigned char*>(std::malloc(size));
    if (block == nullptr) _exit(3);
    return block;
}
// The compiler knows nothing of the address. Always another value than before.
void change(unsigned char* at) {
    asm volatile("" : "+r"(at) : : "memory");
    *at ^= 0x55;
    asm volatile("" : : : "memory");
}
void look(const unsigned char* at) {
    asm volatile("" : "+r"(at) : : "memory");
    const unsigned char found = *at;
    asm volatile("" : : "r"(found));
}
// All blocks of a slab and more, so that each has neighbours.
std::vector<unsigned char*> many(std::size_t size) {
    std::vector<unsigned char*> blocks(2000);
    for (auto*& block : blocks) block = take(size);
    std::sort(blocks.begin(), blocks.end());
    return blocks;
}
void free_all(const std::vector<unsigned char*>& blocks) {
    for (auto* block : blocks) std::free(block);
}
// Takes as many blocks as it needs to have each one of the quarantine leave.
void turn_over(std::size_t size) {
    for (int i = 0; i < 20000; ++i) std::free(take(size));
}

void overflow(std::size_t size, std::size_t from, std::size_t bytes) {
    unsigned char* block = take(size);
    for (std::size_t i = 0; i < bytes; ++i) change(block + size + from + i);
    std::free(block);
}
void over_1() { overflow(kSmall, 0, 1); }
void over_32() { overflow(kSmall, 0, 32); }
void over_mib() { overflow(kSmall, 0, kMiB); }
void over_1_of_large() { overflow(kLarge, 0, 1); }
void over_32_of_large() { overflow(kLarge, 0, 32); }
void over_1_of_longer() { overflow(kLonger, 0, 1); }
void over_1_of_mapped() {
    take(kMapped);
    overflow(kMapped, 0, 1);
}
void over_1_of_odd_mapped() { overflow(kMapped - 100, 0, 1); }
void over_1_of_odd_large() { overflow(kLarge - 100, 0, 1); }
void over_99_of_odd_small() { overflow(kSmall + 1, 14, 1); }
void read_mib_over() {
    const unsigned char* block = take(kSmall);
    for (std::size_t i = 0; i < kMiB; ++i) look(block + i);
}
void read_1_over_large() { look(take(kLarge) + kLarge); }
void read_1_over_mapped() { look(take(kMapped) + kMapped); }
void read_1_over() {
    const std::vector<unsigned char*> blocks = many(kSmall);
    for (auto* block : blocks) std::memset(block, 0xaa, kSmall);
    if (blocks[1000][kSmall] == 0xaa && blocks[1001][kSmall] == 0xaa) _exit(4);
}

void underflow(std::size_t bytes) {
    const std::vector<unsigned char*> blocks = many(kSmall);
    for (std::size_t i = 1; i <= bytes; ++i) change(blocks[1000] - i);
    free_all(blocks);
}
void under_1() { underflow(1); }
void under_32() { underflow(32); }
void under_mib() { underflow(kMiB); }
void under_1_of_large() { change(take(kLarge) - 1); }
// The system maps the next block right below it.
void under_1_of_mapped() {
    unsigned char* block = take(kMapped);
    take(kMapped);
    change(block - 1);
}
void read_mib_under() {
    const unsigned char* block = take(kSmall);
    for (std::size_t i = 1; i < kMiB; ++i) look(block - i);
}

void read_of_size_0() { look(take(0)); }
void write_of_size_0() { change(take(0)); }
void twice_of_size_0() {
    unsigned char* block = take(0);
    std::free(block);
    std::free(block);
}

void write_after_free(std::size_t size) {
    unsigned char* block = take(size);
    std::free(block);
    change(block + size / 2);
}
void write_after_free_no_reuse() {
    write_after_free(kSmall);
    for (int i = 0; i < 20000; ++i) std::free(take(kSmall * 2));
}
void write_after_free_reuse() {
    write_after_free(kSmall);
    turn_over(kSmall);
}
void write_after_free_of_page() {
    write_after_free(4096);
    turn_over(4096);
}
void write_after_free_of_large() { write_after_free(kLarge); }
void write_after_free_of_longer() { write_after_free(kLonger); }
void write_after_free_of_mapped() { write_after_free(kMapped); }
void read_after_free() {
    unsigned char* block = take(kSmall);
    std::memset(block, 0xaa, kSmall);
    std::free(block);
    for (std::size_t i = 0; i < kSmall; ++i) {
        if (block[i] != 0) _exit(4);
    }
}
void read_after_free_of_large() {
    unsigned char* block = take(kLarge);
    std::free(block);
    look(block + 5000);
}
void uninitialised(std::size_t size) {
    for (int i = 0; i < 200; ++i) {
        unsigned char* block = take(size);
        for (std::size_t at = 0; at < size; ++at) {
            if (block[at] != 0) _exit(4);
        }
        std::memset(block, 0xaa, size);
        std::free(block);
    }
}
void uninitialised_small() { uninitialised(kSmall + 5); }
void uninitialised_page() { uninitialised(4096); }
void uninitialised_large() { uninitialised(kLarge - 7); }
void uninitialised_longer() {
    for (int i = 0; i < 3; ++i) {
        unsigned char* block = take(kLonger);
        if (block[kLonger / 2] != 0 || block[0] != 0) _exit(4);
        std::memset(block, 0xaa, kLonger);
        std::free(block);
    }
}
void uninitialised_by_realloc() {
    unsigned char* block = take(3000);
    std::memset(block, 0xaa, 3000);
    for (const std::size_t size : {2000U, 3000U, 300000U, 150000U, 280000U, 3000000U}) {
        const std::size_t before = malloc_usable_size(block);
        block = static_cast<unsigned char*>(std::realloc(block, size));
        if (block == nullptr) _exit(3);
        for (std::size_t i = before; i < size; ++i) {
            if (block[i] != 0) _exit(4);
        }
        std::memset(block, 0xaa, size);
    }
    std::free(block);
}

void delete_wrong_size() { ::operator delete (take(100), std::size_t{99}); }
void delete_wrong_size_of_large() { ::operator delete (take(kLarge), std::size_t{kLarge - 1}); }
void delete_twice() {
    void* block = ::operator new(kSmall);
    ::operator delete(block);
    ::operator delete(block);
}
void free_twice_delayed() {
    unsigned char* block = take(kSmall);
    std::free(block);
    for (int i = 0; i < 100; ++i) std::free(take(kSmall));
    std::free(block);
}
void free_twice_of_large() {
    unsigned char* block = take(kLarge);
    std::free(block);
    std::free(take(kLarge));
    std::free(block);
}
void free_inside() { std::free(take(kSmall) + 16); }
void free_inside_of_large() { std::free(take(kLarge) + 4096); }
void free_unaligned() { std::free(take(kSmall) + 1); }

// Each address of a run of blocks is another one, and not the next.
void places_are_random() {
    const std::size_t apart = 80;  // with the room for a canary
    int next = 0;
    const unsigned char* last = take(kSmall);
    for (int i = 0; i < 200; ++i) {
        const unsigned char* block = take(kSmall);
        if (block == last + apart || block + apart == last) ++next;
        last = block;
    }
    if (next > 60) _exit(4);
}
void free_is_not_reused_at_once() {
    int same = 0;
    for (int i = 0; i < 100; ++i) {
        const auto first = reinterpret_cast<std::uintptr_t>(std::malloc(kSmall));
        std::free(reinterpret_cast<void*>(first));
        unsigned char* second = take(kSmall);
        same += first == reinterpret_cast<std::uintptr_t>(second) ? 1 : 0;
        std::free(second);
    }
    if (same > 2) _exit(4);
}

constexpr const char* kWell = "";        // ends well
constexpr const char* kFaults = "SEGV";  // by a fault of the access

struct Kind {
    const char* name;
    void (*commit)();
    const char* ending;  // or the fault that the line names
};
constexpr const char* kOverflow = "overflow";
constexpr const char* kWritten = "write after free";
constexpr Kind kinds[] = {
    {"over_1", over_1, kOverflow},
    {"over_32", over_32, kOverflow},
    {"over_mib", over_mib, kFaults},
    {"over_1_of_large", over_1_of_large, kFaults},
    {"over_32_of_large", over_32_of_large, kFaults},
    {"over_1_of_longer", over_1_of_longer, kFaults},
    {"over_1_of_mapped", over_1_of_mapped, kFaults},
    {"over_1_of_odd_mapped", over_1_of_odd_mapped, kOverflow},
    {"over_1_of_odd_large", over_1_of_odd_large, kOverflow},
    {"over_99_of_odd_small", over_99_of_odd_small, kOverflow},
    {"read_mib_over", read_mib_over, kFaults},
    {"read_1_over_large", read_1_over_large, kFaults},
    {"read_1_over_mapped", read_1_over_mapped, kFaults},
    {"read_1_over", read_1_over, kWell},
    {"under_1", under_1, kOverflow},
    {"under_32", under_32, kOverflow},
    {"under_mib", under_mib, kFaults},
    {"under_1_of_large", under_1_of_large, kFaults},
    {"under_1_of_mapped", under_1_of_mapped, kFaults},
    {"read_mib_under", read_mib_under, kFaults},
    {"read_of_size_0", read_of_size_0, kFaults},
    {"write_of_size_0", write_of_size_0, kFaults},
    {"twice_of_size_0", twice_of_size_0, "double free"},
    {"write_after_free_no_reuse", write_after_free_no_reuse, kWritten},
    {"write_after_free_reuse", write_after_free_reuse, kWritten},
    {"write_after_free_of_page", write_after_free_of_page, kWritten},
    {"write_after_free_of_large", write_after_free_of_large, kFaults},
    {"write_after_free_of_longer", write_after_free_of_longer, kFaults},
    {"write_after_free_of_mapped", write_after_free_of_mapped, kFaults},
    {"read_after_free", read_after_free, kWell},
    {"read_after_free_of_large", read_after_free_of_large, kFaults},
    {"uninitialised_small", uninitialised_small, kWell},
    {"uninitialised_page", uninitialised_page, kWell},
    {"uninitialised_large", uninitialised_large, kWell},
    {"uninitialised_longer", uninitialised_longer, kWell},
    {"uninitialised_by_realloc", uninitialised_by_realloc, kWell},
    {"delete_wrong_size", delete_wrong_size, "wrong size"},
    {"delete_wrong_size_of_large", delete_wrong_size_of_large, "wrong size"},
    {"delete_twice", delete_twice, "double free"},
    {"free_twice_delayed", free_twice_delayed, "double free"},
    {"free_twice_of_large", free_twice_of_large, "double free"},
    {"free_inside", free_inside, "invalid free"},
    {"free_inside_of_large", free_inside_of_large, "invalid free"},
    {"free_unaligned", free_unaligned, "invalid free"},
    {"places_are_random", places_are_random, kWell},
    {"free_is_not_reused_at_once", free_is_not_reused_at_once, kWell},
};

// The library wrote nothing. qemu-user tells of a signal that ends a program.
bool is_silent(const std::string& said) { return said.empty() || said.find("qemu: ") == 0; }

bool is_right(const Kind& kind, int status, const std::string& said) {
    const std::string ending = kind.ending;
    if (ending == kWell) return WIFEXITED(status) && WEXITSTATUS(status) == 0 && said.empty();
    if (!WIFSIGNALED(status)) return false;
    if (ending == kFaults) return WTERMSIG(status) == SIGSEGV && is_silent(said);
    return WTERMSIG(status) == SIGABRT && said.find("ashlar: " + ending) == 0 &&
           said.find('\n') == said.size() - 1;
}

int run(const Kind& kind) {
    const Ending child = run_in_child(kind.commit);
    if (is_right(kind, child.status, child.written)) return 0;
    std::printf("%s: ended with status 0x%x and wrote:\n%s", kind.name,
                static_cast<unsigned>(child.status), child.written.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    for (const Kind& kind : kinds) {
        if (argc == 2 && std::strcmp(kind.name, argv[1]) == 0) return run(kind);
    }
    std::fputs("usage: kinds KIND\n", stderr);
    return 2;
}
