// kills: a thread dies after instruction k of an operation, for every k.
// Another one works on the same classes before and after the death, recovers,
// and accounts for every byte. See README.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>

#include <getopt.h>

#include "stage.hpp"

namespace kills {
namespace {

constexpr int kSkipped = 77;

struct Options {
    std::set<std::string> names;  // empty: all operations
    std::uint64_t rounds = 3;     // of random work for each copy
    std::uint64_t every = 1;      // the walks judge each n-th state
    std::uint64_t kills = 0;      // the n-th instructions of real kills; 0: none
    std::uint64_t resumes = 0;    // the n-th instructions where the victim goes on; 0: none
    std::uint64_t frozen =
        0;  // the n-th states in which another thread's instructions are counted; 0: none
    std::uint64_t second =
        0;  // the n-th states of a dead thread in whose recovery a second one dies; 0: none
    std::uint64_t seed = std::random_device{}();
};

struct Tally {
    std::uint64_t instructions = 0;
    std::uint64_t states = 0;  // that differ from the one before
    std::uint64_t judged = 0;  // deaths in copies
    std::uint64_t second = 0;  // deaths in a recovery, in copies
    std::uint64_t kills = 0;
    std::uint64_t twice = 0;  // kills in a recovery
    std::uint64_t resumes = 0;
    std::uint64_t frozen = 0;
    std::uint64_t longest = 0;  // instructions of the work beside a frozen thread
    void add(const Tally& other) noexcept {
        instructions += other.instructions;
        states += other.states;
        judged += other.judged;
        second += other.second;
        kills += other.kills;
        twice += other.twice;
        resumes += other.resumes;
        frozen += other.frozen;
        longest = std::max(longest, other.longest);
    }
};

class Test {
  public:
    Test(const Options& options, const Operation& operation)
        : options_(options), operation_(operation) {}

    Tally run() {
        walk();
        const std::vector<std::uint64_t> changes = changes_;
        for (std::uint64_t i = offset(options_.second); options_.second != 0 && i < changes.size();
             i += options_.second)
            recover_from(changes[i]);
        for (std::uint64_t i = offset(options_.frozen); options_.frozen != 0 && i < changes.size();
             i += options_.frozen)
            freeze_at(changes[i]);
        for (std::uint64_t k = offset(options_.kills);
             options_.kills != 0 && k < tally_.instructions; k += options_.kills)
            end_at(k, true);
        for (std::uint64_t k = offset(options_.resumes);
             options_.resumes != 0 && k < tally_.instructions; k += options_.resumes)
            end_at(k, false);
        return tally_;
    }

  private:
    [[nodiscard]] std::uint64_t offset(std::uint64_t every) const noexcept {
        return every == 0 ? 0 : options_.seed % every;
    }

    [[noreturn]] void blame(const char* what, std::uint64_t k, const std::string& where,
                            const Failure& failure) {
        std::printf("%s: %s after instruction %llu, at %s: %s\n", operation_.name, what,
                    static_cast<unsigned long long>(k), where.c_str(), failure.what());
        throw failure;
    }

    /// Steps through the operation once. Each state is copied, and judged as if
    /// all other threads had died there.
    void walk() {
        Stage stage(operation_);
        walk(stage, "dies");
        stage.victim().finish();
        finish_by(stage, false, options_.seed);
    }
    void walk(Stage& stage, const char* what) {
        Snapshot snapshot(stage.survivor().view(), stage.notes().place);
        std::uint64_t k = 0;
        std::uint64_t states = 0;
        for (bool inside = true; inside; ++k) {
            if (k == 0 || snapshot.update(stage.survivor().view())) {
                changes_.push_back(k);
                if (states++ % options_.every == offset(options_.every))
                    judge(stage, snapshot, what, k);
            }
            inside = stage.victim().step();
        }
        if (snapshot.update(stage.survivor().view())) judge(stage, snapshot, what, k);
        tally_.instructions += k;
        tally_.states += states;
    }
    void judge(Stage& stage, const Snapshot& snapshot, const char* what, std::uint64_t k) {
        try {
            for (std::uint64_t i = 0; i < options_.rounds; ++i)
                copies_.judge(snapshot, stage, options_.seed + k + i);
        } catch (const Failure& failure) {
            blame(what, k, stage.victim().where(), failure);
        }
        ++tally_.judged;
    }

    /// A second thread dies in the recovery of the first one.
    void recover_from(std::uint64_t k) {
        const Tally before = tally_;
        Stage stage(operation_);
        stage.recover_after(k, recovery_, options_.seed + k);
        walk(stage, ("dies in the recovery of instruction " + std::to_string(k)).c_str());
        stage.victim().finish();
        finish_by(stage, true, options_.seed + k);
        tally_.instructions = before.instructions;
        tally_.second += tally_.judged - before.judged;
        tally_.judged = before.judged;
        tally_.states = before.states;
    }

    static Survivor survivor(Stage& stage, Actor& actor, std::uint64_t seed) {
        return {actor.view(), actor.lives(), actor.me(), stage.notes(), stage.operation(), seed};
    }
    /// The survivor's second half, in the segment itself.
    void finish(Stage& stage, Survivor& other, bool died, std::uint64_t seed) {
        Survivor holder = survivor(stage, stage.holder(), seed);
        if (seed % 2 == 0) holder.hold();
        other.recover(others(stage), holder);
        other.work();
        holder.release();
        other.account(died);
        // The dead thread's slot serves another one.
        Actor next(stage.file(), *stage.shared_notes());
        next.attach();
        if (next.id() != kFirstSlot + 2) throw Failure("a dead thread's slot was lost");
    }
    void finish_by(Stage& stage, bool died, std::uint64_t seed) {
        Survivor other = survivor(stage, stage.survivor(), seed);
        try {
            finish(stage, other, died, seed);
        } catch (const Failure& failure) {
            blame("ends", tally_.instructions, operation_.name, failure);
        }
    }
    void end_at(std::uint64_t k, bool dies) {
        Stage stage(operation_);
        if (!stage.victim().steps(k)) return;
        const std::string where = stage.victim().where();
        Survivor other = survivor(stage, stage.survivor(), options_.seed + k);
        try {
            other.work();
            other.recover_in_vain();
            if (dies) {
                stage.victim().kill();
            } else {
                stage.victim().finish();
            }
            other.work();
            finish(stage, other, dies, options_.seed + k);
        } catch (const Failure& failure) {
            blame(dies ? "is killed" : "stops and goes on", k, where, failure);
        }
        ++(dies ? tally_.kills : tally_.resumes);
        if (dies && tally_.kills % 8 == 0) kill_twice(k);
    }
    /// The thread that recovers the first one is killed too.
    void kill_twice(std::uint64_t k) {
        constexpr std::uint64_t kLength = 3000;  // of a recovery, about
        const std::uint64_t seed = options_.seed + 31 * k;
        Stage stage(operation_);
        stage.recover_after(k, recovery_, seed);
        static_cast<void>(stage.victim().steps(Random(seed).below(kLength)));
        stage.victim().kill();
        finish_by(stage, true, seed);
        ++tally_.twice;
    }

    /// Another thread does a call of each kind. It needs about as many
    /// instructions as beside a thread that has not begun.
    void freeze_at(std::uint64_t k) {
        constexpr std::uint64_t kMore = 20000;
        if (undisturbed_ == 0) undisturbed_ = count_work(0, ~std::uint64_t{0});
        const std::uint64_t count = count_work(k, undisturbed_ + kMore);
        if (count > undisturbed_ + kMore)
            blame("is frozen", k, operation_.name, Failure("another thread does not finish"));
        ++tally_.frozen;
        tally_.longest = std::max(tally_.longest, count);
    }
    /// Stops after `most` instructions.
    std::uint64_t count_work(std::uint64_t k, std::uint64_t most) {
        const Operation work = work_beside();
        Stage stage(operation_);
        static_cast<void>(stage.victim().steps(k));
        Victim other(stage.file(), *stage.shared_notes(), work);
        other.begin();
        std::uint64_t count = 1;
        while (count <= most && other.step()) ++count;
        return count;
    }

    // Attached slots except those of the survivors.
    static std::uint32_t others(Stage& stage) noexcept {
        std::uint32_t count = 0;
        for (SlotId slot = kFirstSlot; slot < kSlots; ++slot) {
            const bool attached =
                stage.survivor().view().segment().slot(slot).state.load(ashlar::base::acq) != 0;
            if (slot != stage.survivor().id() && slot != stage.holder().id() && attached) ++count;
        }
        return count;
    }

    const Options& options_;
    const Operation& operation_;
    Operation recovery_ = recovery_of(operation_);
    Copies copies_;
    Tally tally_;
    std::vector<std::uint64_t> changes_;  // instructions after which the state was another
    std::uint64_t undisturbed_ = 0;       // instructions of the work beside
};

constexpr const char* kUsage =
    "usage: kills [--operation NAME]... [--every N] [--rounds N] [--second N] [--kills N] "
    "[--resumes N] [--frozen N] [--seed "
    "N]\n"
    "Lets a thread die after each instruction of each operation, and accounts for every byte.\n"
    "  --every    in copies of each N-th state; default 1\n"
    "  --rounds   of random work of the others for each copy; default 3\n"
    "  --second   a second one in the recovery of the first, whose states are each N-th\n"
    "  --kills    by SIGKILL, after each N-th instruction\n"
    "  --resumes  stops and goes on instead, after each N-th instruction\n"
    "  --frozen   counts the instructions of another thread beside it, in each N-th state\n"
    "Status: 0 no fault; 1 a fault; 77 ptrace is not permitted.\n";

Options parse(int argc, char** argv) {
    static const option known[] = {{"operation", required_argument, nullptr, 'o'},
                                   {"every", required_argument, nullptr, 'e'},
                                   {"kills", required_argument, nullptr, 'k'},
                                   {"resumes", required_argument, nullptr, 'r'},
                                   {"second", required_argument, nullptr, '2'},
                                   {"frozen", required_argument, nullptr, 'f'},
                                   {"seed", required_argument, nullptr, 's'},
                                   {"rounds", required_argument, nullptr, 'n'},
                                   {nullptr, 0, nullptr, 0}};
    Options options;
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 'o': options.names.insert(optarg); break;
            case 'n': options.rounds = std::max(1ULL, std::stoull(optarg)); break;
            case 'e': options.every = std::max(1ULL, std::stoull(optarg)); break;
            case 'k': options.kills = std::stoull(optarg); break;
            case 'r': options.resumes = std::stoull(optarg); break;
            case '2': options.second = std::stoull(optarg); break;
            case 'f': options.frozen = std::stoull(optarg); break;
            case 's': options.seed = std::stoull(optarg); break;
            default: std::fputs(kUsage, stderr); std::exit(2);
        }
    }
    return options;
}

void report(const char* name, const Tally& tally) {
    std::printf("%-22s", name);
    for (const std::uint64_t count :
         {tally.instructions, tally.states, tally.judged, tally.second, tally.kills, tally.twice,
          tally.resumes, tally.frozen, tally.longest}) {
        std::printf(" %8llu", static_cast<unsigned long long>(count));
    }
    std::printf("\n");
    std::fflush(stdout);
}

int run(const Options& options) {
    std::printf("seed %llu\n%-22s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n",
                static_cast<unsigned long long>(options.seed), "operation", "instr.", "states",
                "deaths", "second", "killed", "twice", "resumed", "frozen", "longest");
    bool good = true;
    Tally all;
    for (const Operation& operation : operations()) {
        if (!options.names.empty() && options.names.count(operation.name) == 0) continue;
        try {
            const Tally tally = Test(options, operation).run();
            report(operation.name, tally);
            all.add(tally);
        } catch (const Failure&) {
            good = false;
        }
    }
    report("all", all);
    return good ? 0 : 1;
}

}  // namespace
}  // namespace kills

int main(int argc, char** argv) try {
    return kills::run(kills::parse(argc, argv));
} catch (const std::system_error& error) {
    std::fprintf(stderr, "kills: %s\n", error.what());
    return error.code() == std::errc::operation_not_permitted ? kills::kSkipped : 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "kills: %s\n", error.what());
    return 2;
}
