// A diary in a file that is opened again tomorrow. The heap lies in the file,
// and entries refer to each other by offsets. The next run finds the diary by
// its name, also if this run is killed in the middle of a change.
//
//   shared_file            both days, in a file that is removed
//   shared_file PATH TEXT  adds a line to the diary, and prints it
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(shared_file shared_file.cpp)
//   target_link_libraries(shared_file
//                         PRIVATE ashlar::shared Threads::Threads)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <ashlar/shared_objects.hpp>

namespace {

using ashlar::SharedHeap;
using ashlar::SharedHeapMode;
using ashlar::SharedObjects;

// A list of lines, the newest first. One process uses it at a time.
class Diary {
  public:
    explicit Diary(const std::string& path)
        : heap_(SharedHeap::file(SharedHeapMode::open_or_create, path)),
          root_(SharedObjects(heap_).find_or_construct<Root>("diary")().value()) {
        heap_.recover();
        // The last run may have been killed between two steps of add().
        if (root_.next != root_.first && root_.next != 0) {
            if (is_whole(root_.next)) {
                root_.first = root_.next;
            } else {
                heap_.deallocate_from(&root_.next);
            }
        }
    }
    // The new line is in `next` until it is written, so that no death loses it.
    bool add(std::string_view text) {
        root_.next = 0;
        auto* const line =
            static_cast<Line*>(heap_.allocate_to(&root_.next, sizeof(Line) + text.size() + 1));
        if (line == nullptr) return false;
        line->before = line->self = 0;
        std::memcpy(line + 1, text.data(), text.size());
        reinterpret_cast<char*>(line + 1)[text.size()] = '\0';
        line->before = root_.first;
        in_order();
        line->self = root_.next;
        in_order();
        root_.first = root_.next;
        return true;
    }
    [[nodiscard]] std::vector<std::string> lines() const {
        std::vector<std::string> found;
        for (std::uint64_t at = root_.first; at != 0; at = line_at(at)->before) {
            found.insert(found.begin(), reinterpret_cast<const char*>(line_at(at) + 1));
        }
        return found;
    }
    [[nodiscard]] SharedHeap& heap() { return heap_; }

  private:
    struct Root {
        std::uint64_t first = 0, next = 0;
    };
    struct Line {
        std::uint64_t before;
        std::uint64_t self;  // its own offset as soon as the line is whole
    };
    // A death sees the stores before it, if the compiler keeps their order.
    static void in_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }
    [[nodiscard]] const Line* line_at(std::uint64_t offset) const {
        return static_cast<const Line*>(heap_.to_address(offset));
    }
    [[nodiscard]] bool is_whole(std::uint64_t offset) const {
        return line_at(offset)->self == offset;
    }

    SharedHeap heap_;
    Root& root_;
};

int add_one(const std::string& path, std::string_view text) {
    Diary diary(path);
    if (!diary.add(text)) return 1;
    for (const std::string& line : diary.lines()) std::printf("%s\n", line.c_str());
    return 0;
}

// Runs one day in a process of its own, which is killed at its end.
template <class F>
bool day(const std::string& path, F work) {
    const pid_t child = ::fork();
    if (child == 0) {
        Diary diary(path);
        if (work(diary)) ::kill(::getpid(), SIGKILL);
        std::_Exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

}  // namespace

int main(int count, char** arguments) try {
    if (count == 3) return add_one(arguments[1], arguments[2]);
    const std::string path =
        std::filesystem::temp_directory_path() / ("ashlar_diary_" + std::to_string(::getpid()));
    bool right = day(path, [](Diary& diary) {
        bool done = true;
        for (int i = 0; i < 1000; ++i) done = diary.add("today " + std::to_string(i)) && done;
        return done;
    });
    right = right && day(path, [](Diary& diary) {
                return diary.lines().size() == 1000 && diary.add("tomorrow");
            });
    Diary diary(path);
    const std::vector<std::string> lines = diary.lines();
    right =
        right && lines.size() == 1001 && lines.front() == "today 0" && lines.back() == "tomorrow";
    // The lines, the root, and the entry of its name.
    right = right && diary.heap().statistics().blocks == 1003 && diary.heap().check() == 0;
    std::printf("%zu lines of two days, the last one \"%s\"\n", lines.size(),
                lines.empty() ? "" : lines.back().c_str());
    std::filesystem::remove(path);
    return right ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
