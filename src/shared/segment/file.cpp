#include "shared/segment/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

#include "base/bits.hpp"
#include "base/config.hpp"

namespace ashlar::shared {

using base::kUnitSize;

namespace {

// A signal interrupts fallocate(), which then begins again: short pieces finish
// between two signals.
constexpr std::size_t kPiece = std::size_t{16} << 20;
constexpr std::size_t kStatBlock = 512;  // the unit of st_blocks

class KeepErrno {
  public:
    KeepErrno() noexcept : saved_(errno) {}
    KeepErrno(const KeepErrno&) = delete;
    KeepErrno& operator=(const KeepErrno&) = delete;
    ~KeepErrno() { errno = saved_; }

  private:
    int saved_;
};

}  // namespace

File::File(int descriptor) noexcept : descriptor_(descriptor) {
    struct stat found {};
    if (descriptor < 0 || fstat(descriptor, &found) != 0) return;
    device_ = found.st_dev;
    inode_ = found.st_ino;
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), device_(other.device_),
      inode_(other.inode_) {}

File& File::operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
}

File::~File() {
    const KeepErrno keep;
    if (descriptor_ >= 0 && is_ours()) close(descriptor_);
}

// A program may close descriptors that are not its own, and then open another
// file under the same number.
bool File::is_ours() const noexcept {
    struct stat found {};
    return fstat(descriptor_, &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
}

bool File::allocate(int mode, std::size_t offset, std::size_t bytes) const noexcept {
    const KeepErrno keep;
    if (!is_ours()) return false;
    while (bytes > 0) {
        const std::size_t piece = bytes < kPiece ? bytes : kPiece;
        while (fallocate(descriptor_, mode, static_cast<off_t>(offset),
                         static_cast<off_t>(piece)) != 0) {
            if (errno != EINTR) return false;
        }
        offset += piece;
        bytes -= piece;
    }
    return true;
}

bool File::commit(std::size_t offset, std::size_t bytes) noexcept {
    return allocate(0, offset, bytes);
}

bool File::punch(std::size_t offset, std::size_t bytes) noexcept {
    return allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes);
}

std::size_t File::length() const noexcept {
    struct stat found {};
    return fstat(descriptor_, &found) == 0 ? static_cast<std::size_t>(found.st_size) : 0;
}

std::size_t File::pages() const noexcept {
    struct stat found {};
    return fstat(descriptor_, &found) == 0 ? static_cast<std::size_t>(found.st_blocks) * kStatBlock
                                           : 0;
}

// Reserves more than it needs, maps the file at a multiple of a unit, and
// releases the ends. A core dump leaves the view out: the file outlives the
// process, and a dump would copy the whole range of a memfd.
View::View(const File& file, std::size_t bytes) noexcept
    : bytes_(base::round_up(bytes, kUnitSize)) {
    const std::size_t reserved = bytes_ + kUnitSize;
    void* const range =
        mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return;
    const auto begin = reinterpret_cast<std::uintptr_t>(range);
    const std::uintptr_t start = base::round_up(begin, kUnitSize);
    if (start > begin) munmap(range, start - begin);
    if (start + bytes_ < begin + reserved) {
        munmap(reinterpret_cast<void*>(start + bytes_), begin + reserved - start - bytes_);
    }
    void* const at = reinterpret_cast<void*>(start);
    if (mmap(at, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.descriptor(), 0) ==
        MAP_FAILED) {
        const KeepErrno keep;
        munmap(at, bytes_);
        return;
    }
    madvise(at, bytes_, MADV_DONTDUMP);
    start_ = start;
}

View& View::operator=(View&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

View::~View() {
    const KeepErrno keep;
    if (start_ != 0) munmap(reinterpret_cast<void*>(start_), bytes_);
}

}  // namespace ashlar::shared
