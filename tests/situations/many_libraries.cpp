// dlopen of many libraries that use thread-local data, with threads that run
// before, between and after.
//   many_libraries DIRECTORY COUNT              under the drop-in
//   many_libraries DIRECTORY COUNT LIBASHLAR    Ashlar itself is opened last, RTLD_LOCAL, and used
//   by dlsym beside another malloc
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "situation.hpp"

namespace {

using Touch = int (*)(int);
std::vector<Touch> opened;

void touch_all() {
    for (const Touch touch : opened)
        situation::require(touch(5) == 15, "a library's thread-local data");
}

void open_all(const std::string& directory, int count) {
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        void* library = dlopen((directory + "/libtls_" + number + ".so").c_str(), RTLD_NOW);
        if (library == nullptr) std::fprintf(stderr, "%s\n", dlerror());
        situation::require(library != nullptr, "dlopen of a library with thread-local data");
        opened.push_back(reinterpret_cast<Touch>(dlsym(library, ("touch_" + number).c_str())));
        situation::require(opened.back() != nullptr, "dlsym");
        if (i % 10 == 0) {
            touch_all();
            std::thread(touch_all).join();
        }
    }
    touch_all();
}

using Malloc = void* (*)(std::size_t);
using Free = void (*)(void*);

void use(Malloc allocate, Free release) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 2000; ++i) {
        void* block = allocate(1 + i * 37 % 5000);
        situation::require(block != nullptr, "ash_malloc failed");
        std::memset(block, 1, 1 + i * 37 % 5000);
        blocks.push_back(block);
    }
    for (void* block : blocks) release(block);
}

void use_opened(const char* path) {
    void* ashlar = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (ashlar == nullptr) std::fprintf(stderr, "%s\n", dlerror());
    situation::require(ashlar != nullptr, "dlopen of Ashlar");
    const auto allocate = reinterpret_cast<Malloc>(dlsym(ashlar, "ash_malloc"));
    const auto release = reinterpret_cast<Free>(dlsym(ashlar, "ash_free"));
    const auto check = reinterpret_cast<std::size_t (*)()>(dlsym(ashlar, "ash_check"));
    situation::require(allocate != nullptr && release != nullptr && check != nullptr,
                       "dlsym in Ashlar");
    Dl_info used{};
    Dl_info ours{};
    situation::require(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &used) != 0 &&
                           dladdr(dlsym(ashlar, "malloc"), &ours) != 0,
                       "dladdr");
    situation::require(used.dli_fbase != ours.dli_fbase, "the program's malloc should be another");
    use(allocate, release);
    for (int i = 0; i < 20; ++i) std::thread(use, allocate, release).join();
    situation::require(check() == 0, "ash_check");
    dlclose(ashlar);  // threads may still need it: it stays
    use(allocate, release);
}

}  // namespace

int main(int argc, char** argv) {
    situation::require(argc >= 3, "usage");
    if (argc == 3) situation::require_ashlar();
    std::atomic<bool> over{false};
    std::thread beside([&] {
        while (!over.load()) situation::exercise(4);
    });
    open_all(argv[1], std::atoi(argv[2]));
    for (int i = 0; i < 20; ++i) std::thread(touch_all).join();
    if (argc > 3) use_opened(argv[3]);
    over.store(true);
    beside.join();
    return 0;
}
