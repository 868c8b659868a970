// A program under ASHLAR_LIMIT: each entry point fails cleanly at the hard
// limit, and all go on afterwards. Its argument is the limit in MiB that it
// expects; 0: none.
#include <cerrno>
#include <initializer_list>
#include <new>

#include "situation.hpp"

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

void* blocks[4096];
std::size_t count = 0;
int handled = 0;

void give_all() {
    while (count != 0) std::free(blocks[--count]);
}

// Takes blocks until one is refused, and returns how many MiB they have.
std::size_t fill(std::size_t size, std::size_t most) {
    errno = 0;
    while (count < most) {
        void* block = std::malloc(size);
        if (block == nullptr) {
            situation::require(errno == ENOMEM, "no ENOMEM");
            break;
        }
        std::memset(block, 1, size);
        blocks[count++] = block;
    }
    return count * size / mib;
}

void handle() {
    ++handled;
    give_all();
}

// With no room for a block of that size.
void fail_everywhere(std::size_t size) {
    errno = 0;
    situation::require(std::calloc(1, size) == nullptr && errno == ENOMEM, "calloc");
    errno = 0;
    situation::require(std::aligned_alloc(4096, size) == nullptr && errno == ENOMEM,
                       "aligned_alloc");
    void* out = nullptr;
    situation::require(posix_memalign(&out, 64, size) == ENOMEM && out == nullptr,
                       "posix_memalign");
    auto* kept = static_cast<char*>(blocks[0]);
    errno = 0;
    situation::require(std::realloc(kept, 4 * size) == nullptr && errno == ENOMEM && kept[0] == 1,
                       "realloc");
    situation::require(::operator new(size, std::nothrow) == nullptr, "new (nothrow)");
    bool thrown = false;
    try {
        ::operator delete(::operator new(size));
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    situation::require(thrown, "no bad_alloc");
    situation::require_sound_heap();
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    const std::size_t limit = situation::times(argc, argv, 0);
    for (const std::size_t size : {mib / 2, 3 * mib, 40 * mib}) {
        const std::size_t got = fill(size, limit == 0 ? 400 * mib / size : 4096);
        if (limit == 0) {
            situation::require(got >= 360, "refused without a limit");
        } else {
            situation::require(got <= limit && got + size / mib + 8 >= limit, "another limit");
            situation::require(situation::resident_kib() < (limit + 32) * 1024, "resident");
            fail_everywhere(size);
        }
        give_all();
    }
    if (limit != 0) {
        static_cast<void>(fill(3 * mib, 4096));
        std::set_new_handler(handle);
        ::operator delete(::operator new(3 * mib));
        situation::require(handled == 1, "the new-handler");
        std::set_new_handler(nullptr);
    }
    situation::exercise();
    situation::require_sound_heap();
    return 0;
}
