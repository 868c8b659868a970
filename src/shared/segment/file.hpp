// The open file of a segment, and its mapped view. The file has its full length
// from the beginning and is sparse, so that no access is beyond its end. Pages
// are put into it before they are touched, so that no access needs room then.
// Any thread.
#ifndef ASHLAR_SHARED_SEGMENT_FILE_HPP
#define ASHLAR_SHARED_SEGMENT_FILE_HPP

#include <sys/types.h>
#include <cstddef>
#include <cstdint>

#include "shared/segment/backing.hpp"

namespace ashlar::shared {

class File final : public Backing {
  public:
    File() noexcept = default;
    // Takes over the descriptor.
    explicit File(int descriptor) noexcept;
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();

    [[nodiscard]] bool commit(std::size_t offset, std::size_t bytes) noexcept override;
    bool punch(std::size_t offset, std::size_t bytes) noexcept override;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] std::size_t length() const noexcept;
    // Bytes that have pages.
    [[nodiscard]] std::size_t pages() const noexcept;

  private:
    [[nodiscard]] bool is_ours() const noexcept;
    [[nodiscard]] bool allocate(int mode, std::size_t offset, std::size_t bytes) const noexcept;

    int descriptor_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

// A file in this process's address space, at a multiple of 64 KiB.
class View {
  public:
    View() noexcept = default;
    // start() is 0 if the process has no room.
    View(const File& file, std::size_t bytes) noexcept;
    View(View&& other) noexcept : start_(other.start_), bytes_(other.bytes_) { other.start_ = 0; }
    View& operator=(View&& other) noexcept;
    ~View();

    [[nodiscard]] std::uintptr_t start() const noexcept { return start_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool has(std::uintptr_t address) const noexcept {
        return address - start_ < bytes_;
    }

  private:
    std::uintptr_t start_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace ashlar::shared

#endif
