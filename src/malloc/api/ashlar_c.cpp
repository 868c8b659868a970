// The C interface under the prefix ash_: include/ashlar/ashlar.h.
#include <ashlar/ashlar.h>

#include <cerrno>

#include "malloc/api/entry.hpp"
#include "malloc/api/report_handler.hpp"
#include "malloc/api/snapshot.hpp"
#include "malloc/api/statistics.hpp"
#include "malloc/process/handlers.hpp"
#include "malloc/process/limits.hpp"
#include "malloc/process/process.hpp"

namespace api = ashlar::api;
namespace cache = ashlar::cache;

#define ASHLAR_TEXT_OF(x) #x
#define ASHLAR_TEXT(x) ASHLAR_TEXT_OF(x)

const char* ash_version() noexcept {
    // `ashlar doctor` looks for the words before it in the file.
    static constexpr char kMark[] = "ashlar version ";
    static constexpr char kText[] =
        "ashlar version " ASHLAR_TEXT(ASHLAR_VERSION_MAJOR) "." ASHLAR_TEXT(
            ASHLAR_VERSION_MINOR) "." ASHLAR_TEXT(ASHLAR_VERSION_PATCH);
    return kText + sizeof kMark - 1;
}

void* ash_malloc(size_t size) noexcept { return api::take<api::allocate_or_errno>(size); }
void* ash_calloc(size_t count, size_t size) noexcept { return api::allocate_zeroed(count, size); }
void* ash_realloc(void* block, size_t size) noexcept { return api::resize(block, size); }
void* ash_reallocarray(void* block, size_t count, size_t size) noexcept {
    return api::resize_array(block, count, size);
}
void ash_free(void* block) noexcept { api::give(block); }
void ash_free_sized(void* block, size_t size) noexcept { api::free_sized(block, size); }
void ash_free_aligned_sized(void* block, size_t alignment, size_t size) noexcept {
    api::free_aligned_sized(block, alignment, size);
}

int ash_posix_memalign(void** out, size_t alignment, size_t size) noexcept {
    return api::posix_memalign(out, alignment, size);
}
void* ash_aligned_alloc(size_t alignment, size_t size) noexcept {
    return api::aligned_alloc(alignment, size);
}
void* ash_memalign(size_t alignment, size_t size) noexcept {
    return api::memalign(alignment, size);
}
void* ash_valloc(size_t size) noexcept { return api::page_aligned(size); }
void* ash_pvalloc(size_t size) noexcept { return api::whole_pages(size); }

size_t ash_malloc_usable_size(void* block) noexcept { return api::usable_size(block); }
size_t ash_good_size(size_t size) noexcept { return api::good_size(size); }

size_t ash_malloc_batch(size_t size, size_t count, void** out) noexcept {
    size_t n = cache::allocate_batch(size, out, count);
    while (n < count) {
        void* block = api::take<api::allocate_or_errno>(size);
        if (block == nullptr) break;
        out[n++] = block;
    }
    return n;
}

void ash_free_batch(void** blocks, size_t count) noexcept {
    for (size_t i = 0; i < count; ++i) api::give(blocks[i]);
}

int ash_malloc_trim(size_t) noexcept { return api::trim(); }
void ash_set_limit(size_t soft, size_t hard) noexcept { cache::limits.set({soft, hard}); }
int ash_set_report_handler(ash_report_handler handler, void* user) noexcept {
    return api::set_report_handler(handler, user) ? 0 : -1;
}
size_t ash_check() noexcept { return cache::check(); }

struct ash_interrupted ash_enter_handler() noexcept {
    const cache::InterruptedCode code = cache::enter_handler();
    return {code.cache, code.level};
}
void ash_leave_handler(struct ash_interrupted code) noexcept {
    cache::leave_handler({static_cast<cache::ThreadCache*>(code.cache), code.level});
}

struct ash_stats ash_statistics() noexcept {
    return api::statistics(nullptr);
}
size_t ash_class_statistics(struct ash_class_stats* out, size_t count) noexcept {
    return api::class_statistics(out, count);
}
int ash_report(int descriptor) noexcept { return api::report(descriptor, false) ? 0 : -1; }
int ash_report_json(int descriptor) noexcept { return api::report(descriptor, true) ? 0 : -1; }
int ash_metrics(int descriptor) noexcept { return api::metrics(descriptor) ? 0 : -1; }
