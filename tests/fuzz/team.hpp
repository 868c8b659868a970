// Threads of which only one runs at a time. The input chooses it, so that an
// input replays exactly.
#ifndef ASHLAR_TESTS_FUZZ_TEAM_HPP
#define ASHLAR_TESTS_FUZZ_TEAM_HPP

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace fuzz {

class Team {
  public:
    static constexpr std::size_t kThreads = 4;

    ~Team() {
        for (std::size_t i = 0; i < kThreads; ++i) end(i);
    }
    // Runs `task` in thread i and waits for it. Creates the thread if it does
    // not exist. Thread 0 is the caller.
    void run(std::size_t i, const std::function<void()>& task) {
        if (i == 0) return task();
        Member& member = members_[i];
        if (!member.thread.joinable()) member.thread = std::thread([&member] { member.work(); });
        member.give(&task);
    }
    // Ends the thread and its cache; a later run() makes a new one.
    void end(std::size_t i) {
        if (i == 0 || !members_[i].thread.joinable()) return;
        members_[i].give(nullptr);
        members_[i].thread.join();
    }

  private:
    struct Member {
        std::thread thread;
        std::mutex mutex;
        std::condition_variable changed;
        const std::function<void()>* task = nullptr;
        bool given = false;

        void give(const std::function<void()>* next) {
            std::unique_lock<std::mutex> lock(mutex);
            task = next;
            given = true;
            changed.notify_all();
            if (next != nullptr) changed.wait(lock, [this] { return !given; });
        }
        void work() {
            std::unique_lock<std::mutex> lock(mutex);
            for (;;) {
                changed.wait(lock, [this] { return given; });
                given = false;
                if (task == nullptr) return;
                (*task)();
                changed.notify_all();
            }
        }
    };
    std::array<Member, kThreads> members_;
};

}  // namespace fuzz

#endif
