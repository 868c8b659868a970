// usage: fail_nth STEP [K]     makes one allocation by each entry point
//        fail_nth none         allocates nothing of its own
// The allocation of number STEP must fail (0: none), and every K-th after it.
#include <semaphore.h>

#include <malloc.h>
#include <cerrno>
#include <new>
#include <string_view>
#include <thread>

#include "situation.hpp"

namespace {

using situation::require;

int number = 0;   // of the allocation that comes next, from 1
int failing = 0;  // the first that fails
int every = 0;    // how many later the next one does; 0: only that one
int handled = 0;  // calls of the new-handler
unsigned char* kept = nullptr;

bool next_fails() {
    ++number;
    if (failing == 0 || number < failing) return false;
    return number == failing || (every != 0 && (number - failing) % every == 0);
}

void by_c(void* (*allocate)()) {
    const bool fails = next_fails();
    errno = 0;
    void* block = allocate();
    require((block == nullptr) == fails, "not the allocation that was asked for");
    require(!fails || errno == ENOMEM, "failed without ENOMEM");
    std::free(block);
}

void by_posix() {
    const bool fails = next_fails();
    void* block = &block;
    const int result = posix_memalign(&block, 256, 5000);
    require(result == (fails ? ENOMEM : 0), "posix_memalign");
    require(!fails || block == &block, "posix_memalign changed the pointer");
    if (!fails) std::free(block);
}

// A block that can't grow is still there, and shrinking never fails. Twice: a
// large block could grow in place, without an allocation that can fail.
void by_realloc(std::size_t size) {
    kept[0] = kept[9000 - 1] = 77;
    for (const std::size_t more : {size, size * 3 / 2}) {
        const bool fails = next_fails();
        errno = 0;
        auto* moved = static_cast<unsigned char*>(std::realloc(kept, more));
        require((moved == nullptr) == fails, "realloc");
        require(!fails || errno == ENOMEM, "realloc failed without ENOMEM");
        if (moved != nullptr) kept = moved;
    }
    require(kept[0] == 77 && kept[9000 - 1] == 77, "realloc lost content");
    kept = static_cast<unsigned char*>(std::realloc(kept, 9000));
    require(kept != nullptr && kept[0] == 77, "realloc to less failed");
}

// The handler lets `new` try again, which is the next allocation.
void by_new(void* (*allocate)(), bool throws) {
    const bool fails = next_fails();
    handled = 0;
    std::set_new_handler([] {
        if (every == 1) throw std::bad_alloc();
        ++handled;
    });
    void* block = nullptr;
    bool thrown = false;
    try {
        block = allocate();
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    if (fails && every != 1) ++number;
    require(handled == (fails && every != 1 ? 1 : 0),
            "the new-handler was not called once for a failure");
    require(thrown == (fails && every == 1 && throws), "bad_alloc");
    require((block == nullptr) == (fails && every == 1), "operator new");
    ::operator delete(block);
}

sem_t wanted;
sem_t done;

void all_steps() {
    by_c([] { return std::malloc(1); });
    by_c([] { return std::malloc(2000); });
    by_c([] { return std::malloc(40000); });
    by_c([] { return std::malloc(3000000); });
    by_c([] { return std::calloc(3, 100); });
    by_c([] { return std::calloc(1, 5000000); });
    by_c([] { return aligned_alloc(64, 640); });
    by_c([] { return memalign(1 << 20, 100); });
    by_c([] { return valloc(100); });
    by_c([] { return pvalloc(100); });
    by_c([] { return std::realloc(nullptr, 100); });
    by_c([] { return reallocarray(nullptr, 10, 100); });
    by_posix();
    by_realloc(20000);
    by_realloc(400000);
    by_realloc(8000000);
    by_new([] { return ::operator new(100); }, true);
    by_new([] { return ::operator new(100, std::nothrow); }, false);
    by_new([] { return ::operator new (100000, std::align_val_t{16}); }, true);
    // In a thread that had its blocks before.
    sem_post(&wanted);
    while (sem_wait(&done) != 0) {
    }
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    if (argc < 2) return 2;
    sem_init(&wanted, 0, 0);
    sem_init(&done, 0, 0);
    kept = situation::take(9000, 77);
    std::thread other([] {
        void* own = std::malloc(50);
        require(own != nullptr, "a thread's first block");
        std::free(own);
        sem_post(&done);
        while (sem_wait(&wanted) != 0) {
        }
        if (number != 0) by_c([] { return std::malloc(64); });
        sem_post(&done);
    });
    while (sem_wait(&done) != 0) {
    }
    if (std::string_view(argv[1]) == "none") {
        sem_post(&wanted);
    } else {
        failing = std::atoi(argv[1]);
        every = argc > 2 ? std::atoi(argv[2]) : 0;
        all_steps();
    }
    other.join();
    using Check = std::size_t (*)();
    const auto check = reinterpret_cast<Check>(dlsym(RTLD_DEFAULT, "ash_check"));
    require(check != nullptr && check() == 0, "the heap is not sound");
    std::free(kept);
    return 0;
}
