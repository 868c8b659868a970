// A store in a file that survives its process. The file is mapped, and a
// MemoryManager hands out its bytes. Entries refer to each other by offsets, so
// the file may be mapped at any address. The state of the manager lies in a
// second file. The next process opens both and goes on.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(persistent_store persistent_store.cpp)
//   target_link_libraries(persistent_store
//                         PRIVATE ashlar::manager Threads::Threads)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <ashlar/manager_objects.hpp>
#include <ashlar/manager_state.hpp>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

// The bytes of a file.
class Mapping {
  public:
    Mapping(const std::string& path, Size size) : size_(size) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file >= 0 && ::ftruncate(file, static_cast<off_t>(size)) == 0)
            bytes_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (file >= 0) ::close(file);
        if (bytes_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { ::munmap(bytes_, size_); }
    [[nodiscard]] std::span<std::byte> bytes() const {
        return {static_cast<std::byte*>(bytes_), size_};
    }
    void sync() const { ::msync(bytes_, size_, MS_SYNC); }

  private:
    void* bytes_ = MAP_FAILED;
    Size size_;
};

// A list of notes, the newest first.
class Store {
  public:
    explicit Store(const std::string& path)
        : path_(path), mapping_(path, Size{4} << 20), manager_(open()) {
        // The first block says where the list begins.
        if (manager_.allocate_at(0, sizeof(Offset))) ashlar::write_object(manager_, 0, none);
    }
    void add(std::string_view text) {
        const Offset note = manager_.allocate(sizeof(Offset) + text.size()).value();
        ashlar::write_object(manager_, note, ashlar::read_object<Offset>(manager_, 0));
        manager_.write(note + sizeof(Offset), std::as_bytes(std::span(text)));
        ashlar::write_object(manager_, 0, note);
    }
    // Removes the newest note and returns it.
    std::optional<std::string> pop() {
        const auto note = ashlar::read_object<Offset>(manager_, 0);
        if (note == none) return std::nullopt;
        std::string text(manager_.size_of(note) - sizeof(Offset), '\0');
        manager_.read(note + sizeof(Offset), std::as_writable_bytes(std::span(text)));
        ashlar::write_object(manager_, 0, ashlar::read_object<Offset>(manager_, note));
        manager_.deallocate(note);
        return text;
    }
    // The bytes, then the state: the next process finds what is there now.
    void save() const {
        mapping_.sync();
        ashlar::save_state(manager_, path_ + ".state");
    }
    [[nodiscard]] const MemoryManager& manager() const { return manager_; }

  private:
    static constexpr Offset none = ~Offset{0};

    [[nodiscard]] MemoryManager open() const {
        std::ifstream state(path_ + ".state", std::ios::binary);
        return state ? ashlar::load_state(state, mapping_.bytes())
                     : MemoryManager(mapping_.bytes());
    }

    std::string path_;
    Mapping mapping_;
    MemoryManager manager_;
};

std::string note(int number) {
    return "note " + std::to_string(number) +
           std::string(static_cast<std::size_t>(number % 50 * 40), '.');
}

}  // namespace

int main() {
    const std::string path =
        std::filesystem::temp_directory_path() / ("ashlar_store_" + std::to_string(::getpid()));
    // One process fills the store, removes some notes and ends.
    const pid_t child = ::fork();
    if (child == 0) {
        Store store(path);
        for (int i = 0; i < 1000; ++i) store.add(note(i));
        for (int i = 0; i < 300; ++i) store.pop();
        store.save();
        std::_Exit(0);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    bool right = status == 0;

    // Another one opens it, adds a note, and reads all of them.
    {
        Store store(path);
        store.add("of the next process");
        const ashlar::ManagerStatistics seen = store.manager().statistics();
        std::printf("%llu blocks of %llu bytes came back\n",
                    static_cast<unsigned long long>(seen.blocks),
                    static_cast<unsigned long long>(seen.used));
        right = right && store.manager().check() == 0 && store.pop() == "of the next process";
        for (int i = 700; i != 0;) right = right && store.pop() == note(--i);
        right = right && !store.pop() && store.manager().statistics().blocks == 1;
    }
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".state");
    return right ? 0 : 1;
}
