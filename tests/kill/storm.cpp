// storm: processes that use one heap are killed, stopped and continued at
// random. At the end every block is known, free, or was being freed by a thread
// that died. See README.md.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <system_error>
#include <vector>

#include <getopt.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storm_worker.hpp"

namespace kills {
namespace {

struct Options {
    unsigned processes = 4;
    unsigned seconds = 5;
    std::uint64_t seed = std::random_device{}();
};

[[noreturn]] void raise_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void pause_ms(unsigned milliseconds) noexcept {
    timespec time{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1000000};
    nanosleep(&time, nullptr);
}

class Storm {
  public:
    explicit Storm(const Options& options)
        : options_(options), random_(options.seed), file_(memfd_create("storm", MFD_CLOEXEC)),
          heap_(ashlar::SharedHeap::descriptor(file_, {kLimit, 0600})), capacity_(count_units()),
          board_(map_board()) {
        places_ = static_cast<std::uint64_t*>(heap_.allocate(kTableBytes));
        std::fill(places_, places_ + kPlaces, 0);
        board_->places = heap_.to_offset(places_);
        for (unsigned i = 0; i < options.processes; ++i) start(i);
    }
    ~Storm() {
        for (const Worker& worker : workers_) kill(worker.process, SIGKILL);
        for (const Worker& worker : workers_) waitpid(worker.process, nullptr, 0);
    }
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;

    void run() {
        const time_t end = time(nullptr) + options_.seconds;
        for (std::uint64_t event = 1; time(nullptr) < end; ++event) {
            if (event % 100 == 0) {
                stop_all_but_one();
            } else {
                disturb(workers_[random_.below(workers_.size())]);
            }
            pause_ms(random_.below(5));
        }
        end_all();
    }
    void account();
    void report() const {
        std::printf(
            "%llu operations, %llu kills, %llu stops, %llu blocks in doubt, %zu frees cut\n",
            operations(), kills_, stops_, doubts_, cut_.size());
    }

  private:
    struct Worker {
        pid_t process = 0;
        bool stopped = false;
    };

    [[nodiscard]] static Board* map_board() {
        void* const at =
            mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) raise_errno("mmap");
        return static_cast<Board*>(at);
    }
    /// How many blocks of a unit the empty heap has.
    [[nodiscard]] std::size_t count_units() {
        std::vector<void*> blocks;
        while (void* const block = heap_.allocate(kUnitBytes)) blocks.push_back(block);
        for (void* const block : blocks) heap_.deallocate(block);
        heap_.trim();
        return blocks.size();
    }
    [[nodiscard]] unsigned long long operations() const noexcept {
        unsigned long long sum = 0;
        for (const Row& row : board_->rows) sum += row.operations.load();
        return sum;
    }
    [[nodiscard]] unsigned long long operations_of(std::size_t worker) const noexcept {
        unsigned long long sum = 0;
        for (unsigned i = 0; i < kThreads; ++i)
            sum += board_->rows[worker * kThreads + i].operations.load();
        return sum;
    }

    void start(std::size_t index) {
        if (index == workers_.size()) workers_.emplace_back();
        const std::uint64_t seed = random_.next();
        const pid_t process = fork();
        if (process < 0) raise_errno("fork");
        if (process == 0) work(file_, *board_, static_cast<unsigned>(index), seed);
        workers_[index] = {process, false};
    }
    void disturb(Worker& worker) {
        if (random_.below(3) == 0) {
            replace(worker);
        } else {
            kill(worker.process, worker.stopped ? SIGCONT : SIGSTOP);
            worker.stopped = !worker.stopped;
            if (worker.stopped) ++stops_;
        }
    }
    void replace(Worker& worker) {
        kill_and_recover(worker);
        start(static_cast<std::size_t>(&worker - workers_.data()));
    }
    void kill_and_recover(Worker& worker) {
        kill(worker.process, SIGKILL);
        int status = 0;
        if (waitpid(worker.process, &status, 0) != worker.process) raise_errno("waitpid");
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            worker.process = 0;
            throw std::runtime_error("a process ended by itself, status " + std::to_string(status));
        }
        ++kills_;
        heap_.recover();
        note_cut_frees(static_cast<std::size_t>(&worker - workers_.data()));
        settle_doubts();
    }
    /// Blocks whose free had begun, or was about to, when their thread died.
    void note_cut_frees(std::size_t worker) {
        for (unsigned i = 0; i < kThreads; ++i) {
            for (Entry& entry : board_->rows[worker * kThreads + i].entries) {
                const std::uint64_t at = entry.block.load();
                if ((at & kFreeing) == 0) continue;
                cut_.insert(at & ~kFreeing);
                entry.block.store(0);
            }
        }
    }
    /// Frees the blocks in doubt that no row names.
    void settle_doubts() {
        for (const ashlar::SharedDoubt& doubt : heap_.doubts()) {
            ++doubts_;
            bool known = doubt.block == board_->places;
            for (const Row& row : board_->rows) {
                for (const Entry& entry : row.entries)
                    known = known || (entry.block.load() & ~kFreeing) == doubt.block;
            }
            heap_.settle(doubt.block);
            if (!known) heap_.deallocate(heap_.to_address(doubt.block));
        }
    }
    /// The one that is left must not wait for the others.
    void stop_all_but_one() {
        const std::size_t left = random_.below(workers_.size());
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            kill(workers_[i].process, i == left ? SIGCONT : SIGSTOP);
            workers_[i].stopped = i != left;
        }
        ++stops_;
        const unsigned long long before = operations_of(left);
        while (operations_of(left) < before + 1000) {
            if (waitpid(workers_[left].process, nullptr, WNOHANG) != 0)
                throw std::runtime_error("a process has died");
            pause_ms(1);
        }
    }
    /// Half of the processes end by themselves, and the others are killed.
    void end_all() {
        for (std::size_t i = 0; i < workers_.size(); i += 2) kill_and_recover(workers_[i]);
        board_->over.store(true);
        for (std::size_t i = 1; i < workers_.size(); i += 2) {
            kill(workers_[i].process, SIGCONT);
            int status = 0;
            if (waitpid(workers_[i].process, &status, 0) != workers_[i].process)
                raise_errno("waitpid");
            if (status != 0)
                throw std::runtime_error("a process failed, status " + std::to_string(status));
        }
        workers_.clear();
        heap_.recover();
        settle_doubts();
    }

    using Live = std::map<std::uint64_t, std::size_t>;
    void take(Live& live, std::uint64_t block, std::size_t size, const char* what) const {
        const auto found = live.find(block);
        if (found == live.end()) throw std::runtime_error(std::string("a block was lost: ") + what);
        if (size != 0 && found->second != size)
            throw std::runtime_error(std::string("a block has another size: ") + what);
        live.erase(found);
    }

    const Options options_;
    Random random_;
    int file_;
    ashlar::SharedHeap heap_;
    std::size_t capacity_;  // blocks of a unit
    Board* board_;
    std::uint64_t* places_ = nullptr;
    std::vector<Worker> workers_;
    std::set<std::uint64_t> cut_;
    unsigned long long kills_ = 0;
    unsigned long long stops_ = 0;
    unsigned long long doubts_ = 0;
};

void Storm::account() {
    if (heap_.processes().size() > 1) throw std::runtime_error("dead processes are still attached");
    if (heap_.check() != 0) throw std::runtime_error("the heap is damaged");
    Live live;
    heap_.visit([&](ashlar::SharedHeap::Block block) {
        return live.emplace(block.start, block.size), true;
    });
    const std::vector<std::uint64_t> all = [&] {
        std::vector<std::uint64_t> blocks;
        for (const auto& [block, size] : live) blocks.push_back(block);
        return blocks;
    }();
    take(live, board_->places, kTableBytes, "the table");
    for (const Row& row : board_->rows) {
        for (const Entry& entry : row.entries) {
            const std::uint64_t block = entry.block.load();
            if (block == 0) continue;
            take(live, block, entry.size, "of a row");
            if (*static_cast<std::uint64_t*>(heap_.to_address(block)) != entry.stamp)
                throw std::runtime_error("a block was overwritten");
        }
    }
    for (std::size_t i = 0; i < kPlaces; ++i) {
        if (places_[i] % 2 != 0) throw std::runtime_error("a free from a place was not completed");
        if (places_[i] != 0) take(live, places_[i], 0, "of a place");
    }
    for (const auto& [block, size] : live) {
        if (cut_.count(block) == 0)
            throw std::runtime_error("a block is live that nobody knows, of " +
                                     std::to_string(size) + " bytes");
    }
    for (const std::uint64_t block : all) heap_.deallocate(heap_.to_address(block));
    heap_.trim();
    const std::size_t left = count_units();
    if (left != capacity_) {
        throw std::runtime_error("of " + std::to_string(capacity_) + " units " +
                                 std::to_string(left) + " are left");
    }
}

Options parse(int argc, char** argv) {
    Options options;
    for (int found = 0; (found = getopt(argc, argv, "p:t:s:")) != -1;) {
        switch (found) {
            case 'p': options.processes = static_cast<unsigned>(std::stoul(optarg)); break;
            case 't': options.seconds = static_cast<unsigned>(std::stoul(optarg)); break;
            case 's': options.seed = std::stoull(optarg); break;
            default:
                std::fputs("usage: kill_storm [-p processes] [-t seconds] [-s seed]\n", stderr);
                std::exit(2);
        }
    }
    options.processes = std::min(options.processes, kMostProcesses);
    return options;
}

}  // namespace
}  // namespace kills

int main(int argc, char** argv) try {
    const kills::Options options = kills::parse(argc, argv);
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    kills::Storm storm(options);
    storm.run();
    storm.report();
    storm.account();
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "kill_storm: %s\n", error.what());
    return 1;
}
