// A shared heap without a name, and processes that use it.
#ifndef ASHLAR_TESTS_UNIT_SHARED_NAMES_HEAP_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_SHARED_NAMES_HEAP_FIXTURE_HPP

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/shared_heap.hpp>
#include <csignal>
#include <utility>

#include "shared/api/mapping.hpp"

class HeapFixture : public ::testing::Test {
  protected:
    explicit HeapFixture(std::size_t limit = std::size_t{1} << 28)
        : file_(memfd_create("ashlar-test", MFD_CLOEXEC)),
          heap_(ashlar::SharedHeap::descriptor(file_, {.limit = limit})) {}
    ~HeapFixture() override { close(file_); }

    // The same heap once more, at another address.
    [[nodiscard]] ashlar::SharedHeap open_again() const {
        return ashlar::SharedHeap::descriptor(file_);
    }
    [[nodiscard]] std::size_t blocks() const { return heap_.statistics().blocks; }

    // Starts a process that ends with what f() returns.
    template <class F>
    static pid_t start(F f) {
        const pid_t child = fork();
        if (child == 0) _exit(f());
        return child;
    }
    // Returns how the process ended, as waitpid() does.
    static int end(pid_t child) {
        int status = -1;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return status;
    }
    static bool was_killed(int status) {
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }

    // A process that took so many units has died, and is not recovered.
    void die_with(std::uint32_t units) {
        EXPECT_TRUE(was_killed(end(start([&] {
            const ashlar::shared::Owner me = heap_.mapping()->enter();
            static_cast<void>(heap_.mapping()->blocks().runs().take(me.id, units));
            return ::kill(getpid(), SIGKILL);
        }))));
    }

    int file_;
    ashlar::SharedHeap heap_;
};

// An object that its constructor or destructor does not survive.
enum class Fatal { no, constructor, destructor };
template <std::size_t bytes = 64>
struct Mortal {
    explicit Mortal(Fatal fatal) : fatal_(fatal) {
        if (fatal == Fatal::constructor) kill(getpid(), SIGKILL);
    }
    Mortal(const Mortal&) = delete;
    Mortal& operator=(const Mortal&) = delete;
    ~Mortal() {
        if (fatal_ == Fatal::destructor) kill(getpid(), SIGKILL);
    }
    Fatal fatal_;
    char rest[bytes] = {};
};

#endif
