// The calls of the C interface.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include <ashlar/ashlar.h>

#include "session.hpp"

namespace fuzz {

void Session::take() {
    if (full()) return give();
    const std::size_t size = in_.size();
    added(ash_malloc(size), size, 16, 0, true);
}

void Session::take_zeroed() {
    if (full()) return give();
    const std::size_t size = in_.size();
    const std::size_t count = 1 + in_.below(4);
    auto* block = static_cast<unsigned char*>(ash_calloc(count, size));
    require(block != nullptr, "calloc failed", nullptr, count * size);
    for (std::size_t i = 0; i<count * size; i += count * size> 70000 ? 1021 : 1) {
        require(block[i] == 0, "calloc is not zero", block, count * size);
    }
    added(block, count * size, 16, 0, true);
}

void Session::take_aligned() {
    if (full()) return give();
    const std::size_t size = in_.size();
    const std::size_t alignment = std::size_t{16} << in_.below(in_.byte() % 8 == 0 ? 19 : 9);
    void* block = nullptr;
    switch (in_.below(5)) {
        case 0:
            require(ash_posix_memalign(&block, alignment, size) == 0, "posix_memalign failed",
                    nullptr, size);
            break;
        case 1: block = ash_aligned_alloc(alignment, size); break;
        case 2:
            block = ash_memalign(alignment - (alignment > 16 ? 1 : 0), size);
            break;  // rounded up
        case 3: return added(ash_valloc(size), size, 4096, 0, false);
        default:
            return added(ash_pvalloc(size), (std::max<std::size_t>(size, 1) + 4095) / 4096 * 4096,
                         4096, 0, false);
    }
    added(block, size, alignment, 0, false);
}

void Session::resize() {
    if (model_.count() == 0 || full()) return take();
    const std::size_t i = any();
    if (model_.at(i).heap != 0) return;
    const std::size_t size = std::max<std::size_t>(in_.size(), 1);
    const Block before = model_.remove(i);
    bytes_ -= before.size;
    auto* moved =
        static_cast<unsigned char*>(in_.byte() % 2 == 0 ? ash_realloc(before.data, size)
                                                        : ash_reallocarray(before.data, 1, size));
    require(moved != nullptr, "realloc failed", before.data, size);
    Model::require_kept(before, moved, size);
    added(moved, size, 16, 0, false);
}

void Session::give() {
    if (model_.count() != 0) free_block(any());
}

void Session::give_sized() {
    if (model_.count() == 0) return;
    const std::size_t i = any();
    if (!model_.at(i).plain || model_.at(i).heap != 0) return;
    const Block block = model_.remove(i);
    bytes_ -= block.size;
    if (in_.byte() % 2 == 0) {
        ash_free_sized(block.data, block.size);
    } else {
        ash_free_aligned_sized(block.data, 16, block.size);
    }
}

void Session::take_batch() {
    void* blocks[300] = {};
    const std::size_t size = in_.size() % 20000;
    const std::size_t count =
        std::min<std::size_t>(in_.below(300), (std::size_t{2} << 20) / (size + 1));
    if (full()) return give_batch();
    const std::size_t got = ash_malloc_batch(size, count, blocks);
    require(got == count, "a batch is not whole", nullptr, got);
    for (std::size_t i = 0; i < got; ++i) added(blocks[i], size, 16, 0, true);
}

void Session::give_batch() {
    std::vector<void*> blocks;
    const std::size_t most = in_.below(300);
    for (std::size_t n = 0; n < most && model_.count() != 0; ++n) {
        const Block block = model_.remove(n % 5 == 0 ? any() : model_.count() - 1);
        bytes_ -= block.size;
        blocks.push_back(block.data);
        if (n % 7 == 6) blocks.push_back(nullptr);
    }
    const std::vector<void*> before = blocks;
    ash_free_batch(blocks.data(), blocks.size());
    require(blocks == before, "free_batch changed the caller's array");
}

// Takes many blocks of one size and frees some: this fills bins, magazines and
// slabs.
void Session::burst() {
    const std::size_t size = in_.size() % 40000;
    const std::size_t count =
        std::min<std::size_t>(in_.word() % 600, (std::size_t{2} << 20) / (size + 1));
    const std::size_t first = model_.count();
    for (std::size_t i = 0; i < count && !full(); ++i) added(ash_malloc(size), size, 16, 0, true);
    const std::size_t step = 1 + in_.below(4);
    for (std::size_t i = model_.count(); i > first; i -= std::min(step, i - first))
        free_block(i - 1);
}

// Impossible requests are refused as documented, and change nothing.
void Session::refuse() {
    constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max();
    // Opaque to the compiler, which would warn otherwise.
    volatile std::size_t huge = kMost + 1 + in_.word();
    void* out = &out;
    errno = 0;
    switch (in_.below(8)) {
        case 0: require(ash_malloc(huge) == nullptr && errno == ENOMEM, "a huge malloc"); break;
        case 1: require(ash_calloc(huge, 2) == nullptr && errno == ENOMEM, "a huge calloc"); break;
        case 2:
            require(ash_aligned_alloc(24, 100) == nullptr && errno == EINVAL,
                    "a crooked alignment");
            break;
        case 3:
            require(ash_posix_memalign(&out, 4, 100) == EINVAL && out == &out, "a small alignment");
            break;
        case 4:
            require(ash_posix_memalign(&out, 64, huge) == ENOMEM && out == &out,
                    "a huge posix_memalign");
            break;
        case 5:
            require(ash_good_size(huge) == 0 && ash_malloc_usable_size(nullptr) == 0,
                    "sizes of nothing");
            break;
        case 6:
            require(ash_pvalloc(SIZE_MAX - in_.byte()) == nullptr && errno == ENOMEM,
                    "a huge pvalloc");
            break;
        default:
            if (model_.count() == 0 || model_.at(model_.count() - 1).heap != 0) return;
            const Block& block = model_.at(model_.count() - 1);
            require(ash_realloc(block.data, huge) == nullptr && errno == ENOMEM, "a huge realloc");
            Model::verify(block);
    }
}

}  // namespace fuzz
