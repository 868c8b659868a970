#include "scenario.hpp"

#include <pthread.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <new>

#include <ashlar/ashlar.h>
#include <ashlar/heap.hpp>

namespace faults {
namespace {

constexpr std::size_t kKib = 1024;
constexpr std::size_t kMib = 1024 * kKib;
// Between the bytes of large blocks that are written or checked.
constexpr std::size_t kStride = 16 * kKib;

[[noreturn]] void fail(const char* what, std::size_t detail) {
    char text[200];
    const int length = std::snprintf(text, sizeof text, "%s (%zu)\n", what, detail);
    if (write(STDERR_FILENO, text, static_cast<std::size_t>(length)) < 0) _exit(2);
    _exit(1);
}

struct Block {
    unsigned char* data;
    std::size_t size;
    unsigned char mark;
    bool sized;  // from realloc, so that a sized free may name its size
};

class Blocks {
  public:
    static constexpr std::size_t kMost = 4000;
    std::size_t refused = 0;

    // Every allocation passes here. `got` must be null with ENOMEM, or a block,
    // whose first and last bytes are marked.
    void add(void* got, std::size_t size, int error) {
        if (got == nullptr) {
            if (error != ENOMEM) fail("refused without ENOMEM", size);
            ++refused;
            return;
        }
        if (count_ == kMost) fail("the scenario has too many blocks", size);
        blocks_[count_] = {static_cast<unsigned char*>(got), size,
                           static_cast<unsigned char>(count_ % 251 + 1), false};
        mark(blocks_[count_++]);
    }
    template <class F>
    void take(std::size_t size, F allocate) {
        errno = 0;
        void* got = allocate();
        add(got, size, errno);
    }
    void grow(std::size_t i, std::size_t size) {
        if (i >= count_) return;
        Block& block = blocks_[i];
        verify(block);
        errno = 0;
        auto* moved = static_cast<unsigned char*>(ash_realloc(block.data, size));
        if (moved == nullptr) {
            if (errno != ENOMEM || size <= block.size)
                fail("realloc to a smaller size was refused", size);
            verify(block);  // it must be unchanged
            ++refused;
            return;
        }
        if (moved[0] != block.mark) fail("realloc lost content", size);
        block.data = moved;
        block.size = size;
        block.sized = true;
        mark(block);
    }
    // Frees every `step`-th block.
    void drop(std::size_t step) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            if (i % step != 0) {
                blocks_[kept++] = blocks_[i];
                continue;
            }
            verify(blocks_[i]);
            if (blocks_[i].sized) {
                ash_free_sized(blocks_[i].data, blocks_[i].size);
            } else {
                ash_free(blocks_[i].data);
            }
        }
        count_ = kept;
    }
    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    static void mark(const Block& block) {
        for (std::size_t i = 0; i < block.size; i += kStride) block.data[i] = block.mark;
        block.data[block.size - 1] = block.mark;
    }
    static void verify(const Block& block) {
        if (block.data[0] != block.mark || block.data[block.size - 1] != block.mark)
            fail("a block changed", block.size);
    }

    Block blocks_[kMost];
    std::size_t count_ = 0;
};

Blocks blocks;  // static, since the scenario must not allocate for itself

void take_zeroed(std::size_t size) {
    errno = 0;
    auto* got = static_cast<unsigned char*>(ash_calloc(1, size));
    const int error = errno;
    for (std::size_t i = 0; got != nullptr && i < size; i += size < 4 * kKib ? 1 : kStride) {
        if (got[i] != 0) fail("calloc is not zero", size);
    }
    blocks.add(got, size, error);
}

void take_aligned(std::size_t alignment, std::size_t size) {
    void* out = &out;
    const int result = ash_posix_memalign(&out, alignment, size);
    if (result != 0 && out != &out) fail("posix_memalign changed the pointer on failure", size);
    if (result == 0 && reinterpret_cast<std::uintptr_t>(out) % alignment != 0)
        fail("not aligned", alignment);
    blocks.add(result == 0 ? out : nullptr, size, result);
}

void take_many() {
    static constexpr std::size_t small[] = {16, 64, 200, 1000, 3000, 9000, 30000};
    for (const std::size_t size : small) {
        for (std::size_t i = 0; i < 40000 / size + 3 && i < 200; ++i)
            blocks.take(size, [=] { return ash_malloc(size); });
    }
    for (const std::size_t size :
         {40 * kKib, 100 * kKib, 700 * kKib, 3 * kMib, 9 * kMib, 20 * kMib}) {
        for (int i = 0; i < 2; ++i) blocks.take(size, [=] { return ash_malloc(size); });
    }
    for (const std::size_t size : {std::size_t{300}, 20 * kKib, 100 * kKib, 2 * kMib, 32 * kMib})
        take_zeroed(size);
    take_aligned(2 * kMib, 32 * kMib);
    for (const std::size_t size : {std::size_t{768}, 5 * kKib, 70 * kKib}) {
        for (const std::size_t alignment : {std::size_t{64}, 4 * kKib, 64 * kKib, 256 * kKib})
            take_aligned(alignment, size);
    }
    void* batch[150];
    errno = 0;
    const std::size_t got = ash_malloc_batch(320, 150, batch);
    const int error = errno;
    for (std::size_t i = 0; i < got; ++i) blocks.add(batch[i], 320, 0);
    if (got < 150) blocks.add(nullptr, 320, error);
}

void grow_some() {
    const std::size_t count = blocks.count();
    for (std::size_t i = 0; i < count; i += 40) blocks.grow(i, 5000 + i * 100);
    for (std::size_t i = count - count % 40; i + 40 > count && i > 40; i -= 7)
        blocks.grow(i, 400 * kKib);
    // Two blocks that block each other's growth get mappings of their own, grow
    // in place and elsewhere, and become blocks of the heap again.
    for (const std::size_t size :
         {700 * kKib, 2 * kMib, 3 * kMib, 7 * kMib, 13 * kMib, 14 * kMib, 5 * kMib, 200 * kKib}) {
        blocks.grow(count / 2, size);
        blocks.grow(count / 2 + 1, size);
    }
    // If it fails, the block stays as it is.
    for (std::size_t i = count / 2; i > 40; i -= 35) blocks.grow(i, 30);
}

// A thread's part: takes blocks, frees blocks of the first thread, and ends.
void* visit(void*) {
    for (std::size_t size = 16; size < 20000; size = size * 3 / 2)
        blocks.take(size, [=] { return ash_malloc(size); });
    for (int i = 0; i < 400; ++i) blocks.take(128, [] { return ash_malloc(128); });
    blocks.drop(3);
    return nullptr;
}

void in_thread() {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, visit, nullptr) != 0) fail("no thread", 0);
    pthread_join(thread, nullptr);
}

void use_heap() {
    try {
        ashlar::Heap heap(40 * kMib);
        std::size_t got = 0;
        for (const std::size_t size :
             {std::size_t{100}, 2 * kKib, 20 * kKib, 200 * kKib, 2 * kMib}) {
            for (int i = 0; i < 5; ++i) {
                auto* block = static_cast<unsigned char*>(heap.allocate(size));
                if (block == nullptr) continue;
                std::memset(block, i, 60);
                auto* moved = static_cast<unsigned char*>(heap.reallocate(block, 2 * size));
                if ((moved == nullptr ? block : moved)[50] != i)
                    fail("a heap's block changed", size);
                ++got;
            }
        }
        if (got < 25) ++blocks.refused;
        (void)heap.trim();
        if (heap.check() != 0) fail("a heap is not sound", got);
    } catch (const std::bad_alloc&) {
        ++blocks.refused;
    }
}

}  // namespace

std::size_t live(bool all) {
    blocks.refused = 0;
    take_many();
    grow_some();
    in_thread();
    use_heap();
    blocks.drop(2);
    (void)ash_malloc_trim(0);
    take_many();
    in_thread();
    if (ash_check() != 0) fail("the heap is not sound", 0);
    blocks.drop(2);
    blocks.drop(1);
    if (all && blocks.refused != 0) fail("refused while memory was free", blocks.refused);
    return blocks.refused;
}

void expect_nothing_held() {
    (void)ash_malloc_trim(0);
    if (ash_check() != 0) fail("the heap is not sound at the end", 0);
    const ash_stats seen = ash_statistics();
    if (seen.live != 0) fail("bytes are live after all frees", seen.live);
    if (seen.held != 0) fail("bytes are held after all frees", seen.held);
}

}  // namespace faults
