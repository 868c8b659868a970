// The worker as a driver sees it: a process, a shared page, and rounds of work
// of its helpers.
#ifndef ASHLAR_PROGRESS_WORKER_PROCESS_HPP
#define ASHLAR_PROGRESS_WORKER_PROCESS_HPP

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared.hpp"

namespace progress {

/// The worker process and its shared page. The process is killed when the
/// driver ends.
class Worker {
  public:
    /// Runs `program` with `mode` as its argument under the library `preload`;
    /// either may be empty.
    Worker(const std::string& program, const std::string& mode, const std::string& preload) {
        const int file = memfd_create("freeze", 0);
        if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) fail("memfd_create");
        void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page == MAP_FAILED) fail("mmap");
        shared_ = static_cast<Shared*>(page);
        process_ = fork();
        if (process_ < 0) fail("fork");
        if (process_ == 0) {
            if (dup2(file, shared_descriptor) < 0) _exit(127);
            if (!preload.empty()) setenv("LD_PRELOAD", preload.c_str(), 1);
            // Without this, `rep movsb` would take a step for each byte.
            setenv("GLIBC_TUNABLES",
                   "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold="
                   "1073741824",
                   1);
            execl(program.c_str(), program.c_str(), mode.empty() ? nullptr : mode.c_str(), nullptr);
            _exit(127);
        }
        close(file);
        while (shared_->victim.load(std::memory_order_acquire) == 0) {
            if (waitpid(process_, nullptr, WNOHANG) != 0)
                throw std::runtime_error("the worker did not start");
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    ~Worker() {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] pid_t process() const noexcept { return process_; }
    [[nodiscard]] Shared& shared() const noexcept { return *shared_; }

    void start_round(Round kind = Round::work) noexcept {
        shared_->kind.store(kind, std::memory_order_relaxed);
        shared_->round.fetch_add(1, std::memory_order_acq_rel);
        wake(shared_->round, helpers);
    }
    /// Starts a victim for an instance of an operation, which waits until it is
    /// released. Returns its thread.
    [[nodiscard]] pid_t next_victim(std::uint32_t operation) {
        shared_->operation.store(operation, std::memory_order_relaxed);
        shared_->victim.store(0, std::memory_order_relaxed);
        shared_->wanted.fetch_add(1, std::memory_order_acq_rel);
        wake(shared_->wanted, 1);
        while (shared_->victim.load(std::memory_order_acquire) == 0) {
            if (waitpid(process_, nullptr, WNOHANG) != 0)
                throw std::runtime_error("the worker has died");
            std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
        return static_cast<pid_t>(shared_->victim.load(std::memory_order_relaxed));
    }
    void release_victim() noexcept {
        shared_->traced.store(shared_->victim.load(std::memory_order_relaxed),
                              std::memory_order_release);
        wake(shared_->traced, 1);
    }
    /// Waits for the end of the round, until no helper has moved for
    /// `patience`.
    [[nodiscard]] bool finishes(double patience) const {
        std::uint64_t seen = 0;
        unsigned pause = 20;
        auto moved = std::chrono::steady_clock::now();
        while (!finished()) {
            const std::uint64_t now = steps();
            if (now != seen) {
                seen = now;
                moved = std::chrono::steady_clock::now();
            } else if (std::chrono::steady_clock::now() - moved >
                       std::chrono::duration<double>(patience)) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(pause));
            if (pause < 300) pause *= 2;
        }
        return true;
    }

  private:
    [[noreturn]] static void fail(const char* what) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    static void wake(std::atomic<std::uint32_t>& word, int threads) noexcept {
        syscall(SYS_futex, &word, FUTEX_WAKE, threads, nullptr, nullptr, 0);
    }
    [[nodiscard]] bool finished() const noexcept {
        for (const auto& round : shared_->finished) {
            if (round.load(std::memory_order_acquire) !=
                shared_->round.load(std::memory_order_relaxed))
                return false;
        }
        return true;
    }
    [[nodiscard]] std::uint64_t steps() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& count : shared_->steps) sum += count.load(std::memory_order_relaxed);
        return sum;
    }

    Shared* shared_ = nullptr;
    pid_t process_ = 0;
};

}  // namespace progress

#endif
