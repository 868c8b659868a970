// Saving the state of a MemoryManager, and making one of it.
#include <fcntl.h>
#include <unistd.h>
#include <ashlar/manager_state.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <istream>
#include <system_error>

#include "manager/engine/manager.hpp"
#include "manager/state/state_reader.hpp"
#include "manager/state/state_writer.hpp"

namespace ashlar {

namespace manager {

class StateAccess {
  public:
    [[nodiscard]] static Manager& of(const MemoryManager& manager) noexcept {
        return *manager.manager_;
    }
};

}  // namespace manager

namespace {

using manager::Buffer;
using manager::Manager;
using manager::SavedState;
using manager::StateAccess;
using manager::StateReader;

// What the state says, where the options leave it open.
void complete(ManagerOptions& options, const SavedState& state) {
    if (options.granularity != 1 && options.granularity != state.granularity) {
        throw ManagerError(Status::bad_options,
                           "load_state: a granularity of " + std::to_string(options.granularity) +
                               " bytes, but the saved one is " + std::to_string(state.granularity));
    }
    options.granularity = state.granularity;
    if (options.limit == 0) options.limit = state.limit;
    if (options.highest_limit == 0) options.highest_limit = state.highest_limit;
    if (options.small_limit == small_limit_by_threads) options.small_limit = state.small_limit;
}

void restore(const MemoryManager& manager, const SavedState& state, StateReader& reader) {
    Manager& inner = StateAccess::of(manager);
    const Status status = inner.restore(state);
    if (status == Status::bad_state) throw BadState("load_state: two blocks have one handle");
    if (status != Status::ok) {
        throw ManagerError(
            status, "load_state: " + std::to_string(state.blocks.size()) +
                        " blocks and slabs; most_ranges of the options has no room for them");
    }
    reader.finish(state, inner.buffer());
}

[[noreturn]] void throw_of_file(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), "save_state: " + path);
}

// Waits until the file's bytes are on the disk.
void sync(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw_of_file(path);
    const bool synced = ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    errno = error;
    if (!synced) throw_of_file(path);
}

// Removes the file that was begun, unless it got its name.
class NewFile {
  public:
    explicit NewFile(const std::string& path) : path_(path + ".new") {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    void rename_to(const std::string& path) {
        if (std::rename(path_.c_str(), path.c_str()) != 0) throw_of_file(path);
        path_.clear();
    }

  private:
    std::string path_;
};

}  // namespace

void save_state(const MemoryManager& manager, std::ostream& out, SaveOptions options) {
    const Manager& inner = StateAccess::of(manager);
    if (manager.capacity() == 0) throw BadSize("save_state: the manager has no buffer");
    const bool bytes = options.bytes && inner.buffer().kind() == Buffer::Kind::own;
    manager::StateWriter(out).write(inner.state(), bytes ? &inner.buffer() : nullptr);
}

void save_state(const MemoryManager& manager, const std::string& path, SaveOptions options) {
    NewFile made(path);
    {
        std::ofstream out(made.path(), std::ios::binary | std::ios::trunc);
        if (!out) throw_of_file(made.path());
        save_state(manager, out, options);
        if (!out.flush()) throw_of_file(made.path());
    }
    sync(made.path());
    made.rename_to(path);
}

MemoryManager load_state(std::istream& in, ManagerOptions options) {
    StateReader reader(in);
    const SavedState state = reader.read();
    complete(options, state);
    MemoryManager made(state.capacity, std::move(options));
    restore(made, state, reader);
    return made;
}

MemoryManager load_state(std::istream& in, std::span<std::byte> buffer, ManagerOptions options) {
    StateReader reader(in);
    const SavedState state = reader.read();
    complete(options, state);
    if (buffer.size() < state.capacity) {
        throw BadSize("load_state: a buffer of " + std::to_string(buffer.size()) +
                      " bytes, but the saved one has " + std::to_string(state.capacity));
    }
    MemoryManager made(buffer, std::move(options));
    restore(made, state, reader);
    return made;
}

MemoryManager load_state_without_memory(std::istream& in, ManagerOptions options) {
    StateReader reader(in);
    const SavedState state = reader.read();
    complete(options, state);
    MemoryManager made = MemoryManager::without_memory(state.capacity, std::move(options));
    restore(made, state, reader);
    return made;
}

}  // namespace ashlar
