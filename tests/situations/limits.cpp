// A program under a limit of address space (ulimit -v), or in a sandbox that
// refuses big mappings: it uses MIB megabytes in small and large blocks and in
// threads; then everything until NULL and ENOMEM, twice; and each time
// recovers. usage: limits MIB
#include <cerrno>
#include <cstdint>
#include <new>
#include <thread>
#include <vector>

#include "situation.hpp"

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// Lists through the blocks: the test needs no other memory when memory is
// exhausted.
struct Link {
    Link* next;
    std::size_t size;
};

bool push(Link*& list, std::size_t size) {
    auto* link = static_cast<Link*>(std::malloc(size));
    if (link == nullptr) return false;
    std::memset(link, 0x5A, size < 4096 ? size : 4096);
    link->next = list;
    link->size = size;
    list = link;
    return true;
}

std::size_t free_all(Link*& list) {
    std::size_t bytes = 0;
    while (list != nullptr) {
        Link* const next = list->next;
        bytes += list->size;
        std::free(list);
        list = next;
    }
    return bytes;
}

void use(std::size_t bytes, std::size_t size) {
    Link* list = nullptr;
    for (std::size_t got = 0; got < bytes; got += size)
        situation::require(push(list, size), "memory within the limit is refused");
    free_all(list);
}

void use_all_ways(std::size_t amount) {
    for (const std::size_t size :
         {std::size_t{48}, std::size_t{1000}, std::size_t{30000}, std::size_t{700000}, 4 * mib}) {
        use(amount, size);
    }
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
        threads.emplace_back([amount, i] {
            use(amount / 6, 64 + i);
            use(amount / 6, 100000);
        });
    }
    for (auto& thread : threads) thread.join();
}

/// Returns the number of bytes that it could allocate.
std::size_t take_everything(std::size_t first_size) {
    Link* list = nullptr;
    for (std::size_t size = first_size; size >= sizeof(Link); size /= 4) {
        while (push(list, size)) {
        }
        situation::require(errno == ENOMEM, "errno is not ENOMEM");
        errno = 0;
    }
    bool thrown = false;
    try {
        Link* more = nullptr;
        for (;;) {
            void* block = ::operator new(sizeof(Link));
            more = ::new (block) Link{more, sizeof(Link)};
            list = ::new (block) Link{list, sizeof(Link)};
        }
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    situation::require(thrown, "operator new did not throw");
    situation::require(std::calloc(1000, 1000) == nullptr && errno == ENOMEM, "calloc");
    situation::require(list != nullptr, "nothing could be had");
    const Link before = *list;
    void* grown = std::realloc(list, std::size_t{1} << 40);
    situation::require(grown == nullptr && errno == ENOMEM, "realloc to a tebibyte");
    situation::require(list->next == before.next && list->size == before.size,
                       "a failed realloc touched its block");
    return free_all(list);
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    situation::require(argc == 2, "usage: limits MIB");
    const std::size_t amount = std::strtoul(argv[1], nullptr, 10) * mib;
    use_all_ways(amount);
    std::size_t got[3];
    for (std::size_t i = 0; i < 3; ++i) {
        got[i] = take_everything(i == 0 ? 4096 : 16 * mib);
        situation::require(got[i] >= amount, "less than the amount could be had");
        situation::exercise(8);
        use_all_ways(amount);
    }
    situation::require(got[2] >= got[1] - got[1] / 8, "memory was lost when it ran out");
    std::printf("%zu, %zu, %zu MiB could be had\n", got[0] / mib, got[1] / mib, got[2] / mib);
    return 0;
}
