// The program that `freeze` and `steps` run under an allocator. One thread, the
// victim, calls it, and the driver stops it inside. The helpers do a fixed
// batch of work each round, which frees blocks of the victim, and must finish
// while the victim stands still. Except for the allocator they use nothing of
// libc that locks.
// usage: freeze_worker [scripted]
// scripted: a victim for each instance of an operation; otherwise one victim
// that makes random calls for ever
#include "actor.hpp"
#include "script.hpp"

#include <csignal>
#include <cstring>

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace progress {

Shared* shared = nullptr;
std::atomic<unsigned char*> mailbox[slots];
MallocBatch malloc_batch = nullptr;
FreeBatch free_batch = nullptr;

namespace {

bool scripted = false;

void* live_shortly(void* seed) noexcept {
    std::atomic<std::uint64_t> steps{0};
    Actor actor(reinterpret_cast<std::uintptr_t>(seed) * 77 + 1, steps);
    for (int i = 0; i < 20; ++i) actor.act();
    return nullptr;
}

// Frees every fourth of the victim's blocks.
void free_kept(std::uintptr_t index) noexcept {
    for (std::size_t slot = 1 + 4 * index; slot < kept_slots; slot += 4 * helpers) {
        std::free(kept[slot].block.exchange(nullptr, std::memory_order_acq_rel));
    }
}

void work(Actor& actor, std::uintptr_t index, std::uint32_t round) noexcept {
    actor.take_all();
    actor.do_everything();
    free_kept(index);
    for (int i = scripted ? 20 : 400; i > 0; --i) actor.act();
    if (round % (2 * helpers) == index) actor.trim();
    // A thread's first use of the allocator and its exit must not wait either.
    pthread_t thread;
    if (pthread_create(&thread, nullptr, live_shortly,
                       reinterpret_cast<void*>(std::uintptr_t{round})) == 0) {
        pthread_join(thread, nullptr);
    }
}

void* help(void* argument) noexcept {
    const auto index = reinterpret_cast<std::uintptr_t>(argument);
    Actor actor(index * 7919 + 12345, shared->steps[index]);
    for (std::uint32_t done = 0;;) {
        while (shared->round.load(std::memory_order_acquire) == done) {
            syscall(SYS_futex, &shared->round, FUTEX_WAIT, done, nullptr, nullptr, 0);
        }
        done = shared->round.load(std::memory_order_acquire);
        if (shared->kind.load(std::memory_order_relaxed) == Round::work) {
            work(actor, index, done);
        } else {
            audit(index, done);
        }
        shared->finished[index].store(done, std::memory_order_release);
    }
}

[[noreturn]] void be_frozen() noexcept {
    Actor actor(4711, shared->victim_steps);
    shared->victim.store(static_cast<std::uint32_t>(syscall(SYS_gettid)),
                         std::memory_order_release);
    for (;;) {
        actor.act();
        if (actor.below(500) == 0) actor.trim();
    }
}

}  // namespace
}  // namespace progress

int main(int argc, char** argv) {
    using namespace progress;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void* page =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_descriptor, 0);
    if (page == MAP_FAILED) return 2;
    shared = static_cast<Shared*>(page);
    scripted = argc > 1 && std::strcmp(argv[1], "scripted") == 0;

    Dl_info where;
    if (dladdr(dlsym(RTLD_DEFAULT, "malloc"), &where) == 0) return 2;
    std::strncpy(shared->allocator, where.dli_fname, sizeof shared->allocator - 1);
    malloc_batch = reinterpret_cast<MallocBatch>(dlsym(RTLD_DEFAULT, "ash_malloc_batch"));
    free_batch = reinterpret_cast<FreeBatch>(dlsym(RTLD_DEFAULT, "ash_free_batch"));

    for (std::uintptr_t i = 0; i < helpers; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, help, reinterpret_cast<void*>(i)) != 0) return 2;
    }
    if (scripted) serve_victims();
    be_frozen();
}
