// Allocation after a thread's destructors have run: key destructors in all
// their rounds, thread_local destructors, and at the program's end atexit
// functions, static destructors and destructor functions. The last ones run
// after Ashlar's own.
#include <climits>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include "situation.hpp"

namespace {

constexpr int most_rounds = PTHREAD_DESTRUCTOR_ITERATIONS;
constexpr std::size_t key_count = 3;
constexpr std::size_t block_size = 3000;
pthread_key_t keys[key_count];
std::vector<unsigned char*>* left_behind = nullptr;  // blocks that destructors took and main frees

struct Value {
    std::size_t key;
    int round;
};

void set(std::size_t key, int round) {
    situation::require(pthread_setspecific(keys[key], new Value{key, round}) == 0,
                       "pthread_setspecific");
}

void work_in_destructor() {
    situation::exercise(8);
    left_behind->push_back(situation::take(block_size, 7));
}

// Sets its key again until the last round: at that time every other destructor
// of the thread, Ashlar's too, has run.
void destroy(void* value) {
    const Value last = *static_cast<Value*>(value);
    delete static_cast<Value*>(value);
    work_in_destructor();
    if (last.round < most_rounds) set(last.key, last.round + 1);
}

struct Local {
    std::vector<std::string> strings = std::vector<std::string>(100, std::string(100, 'x'));
    ~Local() { work_in_destructor(); }
};

void live_and_die(bool keys_first) {
    if (keys_first) {
        for (std::size_t key = 0; key < key_count; ++key) set(key, 1);
    }
    thread_local Local local;
    situation::require(local.strings.size() == 100, "a thread_local");
    situation::exercise(8);
    if (!keys_first) {
        for (std::size_t key = 0; key < key_count; ++key) set(key, 1);
    }
}

struct Global {
    std::vector<std::string> strings = std::vector<std::string>(1000, std::string(100, 'x'));
    ~Global() { situation::exercise(); }
} global;

void at_exit() { situation::exercise(); }
__attribute__((destructor(101))) void destroy_last() { situation::exercise(); }

}  // namespace

int main() {
    situation::require_ashlar();
    std::vector<unsigned char*> blocks;
    left_behind = &blocks;
    for (pthread_key_t& key : keys)
        situation::require(pthread_key_create(&key, destroy) == 0, "key");
    std::size_t before = 0;
    for (int i = 0; i < 150; ++i) {
        std::thread(live_and_die, i % 2 == 0).join();
        situation::require(blocks.size() == key_count * most_rounds + 1,
                           "not every destructor ran in every round");
        for (unsigned char* block : blocks) situation::give(block, block_size, 7);
        blocks.clear();
        if (i == 50) before = situation::resident_kib();
    }
    situation::require(situation::resident_kib() < before + 16 * 1024, "dead threads keep memory");
    situation::require(std::atexit(at_exit) == 0, "atexit");
    situation::require(global.strings.size() == 1000, "a global");
    return 0;
}
