// A file with containers of Boost.Container inside: an index of words, as a map
// from strings to vectors. Several processes fill it, each at an address of its
// own, and the next run finds it as it was. A lock in the heap orders the
// processes; the containers need one, the heap does not.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(shared_containers shared_containers.cpp)
//   target_link_libraries(shared_containers
//                         PRIVATE ashlar::shared Threads::Threads)
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <boost/container/map.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ashlar/shared_allocator.hpp>
#include <ashlar/shared_objects.hpp>

namespace {

using ashlar::SharedAllocator;
using ashlar::SharedHeap;
using ashlar::SharedHeapMode;
using ashlar::SharedObjects;

using String = boost::container::basic_string<char, std::char_traits<char>, SharedAllocator<char>>;
using Numbers = boost::container::vector<int, SharedAllocator<int>>;
using Map = boost::container::map<String, Numbers, std::less<String>,
                                  SharedAllocator<std::pair<const String, Numbers>>>;

// In which lines a word stands. All of it lies in the heap.
class Index {
  public:
    explicit Index(const SharedAllocator<char>& allocator) : words_(allocator) {}
    void add(const std::string& word, int line) {
        const Guard guard(lock_);
        const String key(word.data(), word.size(), words_.get_allocator());
        words_.try_emplace(key, Numbers(words_.get_allocator())).first->second.push_back(line);
    }
    [[nodiscard]] std::vector<int> lines_of(const std::string& word) const {
        const Guard guard(lock_);
        const auto found = words_.find(String(word.data(), word.size(), words_.get_allocator()));
        if (found == words_.end()) return {};
        return {found->second.begin(), found->second.end()};
    }
    [[nodiscard]] std::size_t words() const { return words_.size(); }

  private:
    // Enough for an example: a process that dies here keeps it locked.
    struct Guard {
        explicit Guard(std::atomic_flag& lock) : lock_(lock) {
            while (lock_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { lock_.clear(std::memory_order_release); }
        std::atomic_flag& lock_;
    };
    Map words_;
    mutable std::atomic_flag lock_;
};

constexpr int processes = 3;
constexpr int lines = 3000;
constexpr int different = 500;

// Adds every third line to the index in the file.
int fill(const std::string& path, int first) {
    const SharedHeap heap = SharedHeap::file(SharedHeapMode::open_or_create, path);
    const SharedObjects objects(heap);
    const SharedAllocator<char> allocator(heap);
    // One of the processes constructs it.
    auto index = objects.find_or_construct<Index>("index")(allocator);
    while (index.state() == ashlar::SharedNameState::busy) {
        std::this_thread::yield();
        index = objects.find_or_construct<Index>("index")(allocator);
    }
    for (int line = first; line < lines; line += processes) {
        index.value().add("word " + std::to_string(line % different), line);
    }
    return 0;
}

}  // namespace

int main() {
    const std::string path =
        std::filesystem::temp_directory_path() / ("ashlar_index_" + std::to_string(::getpid()));
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) {
        children.push_back(::fork());
        if (children.back() == 0) std::_Exit(fill(path, i));
    }
    bool right = true;
    for (const pid_t child : children) {
        int status = 1;
        ::waitpid(child, &status, 0);
        right = right && status == 0;
    }

    // Another process, or another day.
    SharedHeap heap = SharedHeap::file(SharedHeapMode::open_only, path);
    const SharedObjects objects(heap);
    const Index& index = objects.find<Index>("index").value();
    std::size_t found = 0;
    for (int word = 0; word < different; ++word) {
        for (const int line : index.lines_of("word " + std::to_string(word))) {
            right = right && line % different == word;
            ++found;
        }
    }
    right = right && found == lines && index.lines_of("another").empty();
    std::printf("%zu words in %zu lines\n", index.words(), found);
    objects.destroy<Index>("index");
    right = right && heap.statistics().blocks == 1 && heap.check() == 0;
    std::filesystem::remove(path);
    return right ? 0 : 1;
}
