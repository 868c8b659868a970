#include "shared/api/opening.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include "base/bits.hpp"
#include "shared/recovery/life.hpp"
#include "shared/segment/format.hpp"
#include "shared/segment/segment.hpp"

namespace ashlar::shared {

using base::acq;
using base::kUnitShift;
using base::kUnitSize;
using base::rel;

namespace {

constexpr int kTries = 5000;  // waits of a millisecond for the process that creates the heap
constexpr std::size_t kMostBytes = std::size_t{kMaxUnits} << kUnitShift;

// The units of a limit, with unit 0, which is not used.
UnitId units_of(std::size_t limit) noexcept {
    const std::size_t units = (std::min(limit, kMostBytes) + kUnitSize - 1) / kUnitSize + 1;
    return static_cast<UnitId>(std::min<std::size_t>(units, kMaxUnits));
}

void wait_a_little() noexcept {
    const timespec millisecond{0, 1'000'000};
    nanosleep(&millisecond, nullptr);
}

SharedHeapFault fault_of(int error) noexcept {
    switch (error) {
        case EEXIST: return SharedHeapFault::exists;
        case ENOENT: return SharedHeapFault::missing;
        case EACCES:
        case EPERM:
        case EROFS: return SharedHeapFault::no_rights;
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return SharedHeapFault::no_space;
        default: return SharedHeapFault::system;
    }
}

class Opening {
  public:
    Opening(const HeapPlace& place, SharedHeapMode mode, const SharedHeapOptions& options)
        : place_(place), mode_(mode), options_(options), units_(units_of(options.limit)) {}

    OpenedFile run();

  private:
    enum class Stage { empty, begun, ready };

    [[noreturn]] void fail(SharedHeapFault fault, const std::string& found) const;
    [[noreturn]] void fail_by_errno(const char* call) const;
    int open_once(int flags) const noexcept;
    File open_file();
    [[nodiscard]] Stage stage();
    bool try_create();
    void create();
    OpenedFile finish();

    const HeapPlace& place_;
    SharedHeapMode mode_;
    const SharedHeapOptions& options_;
    UnitId units_;
    File file_;
    Format format_{};  // of the file, as stage() found it
};

void Opening::fail(SharedHeapFault fault, const std::string& found) const {
    throw SharedHeapError(fault, "ashlar: shared heap " + place_.text + ": " + found);
}

void Opening::fail_by_errno(const char* call) const {
    const int error = errno;
    fail(fault_of(error), std::string(call) + ": " + std::strerror(error));
}

// ------------------------------------------------------------- the descriptor

// A descriptor is opened again if possible: duplicates share one lock, also
// with other processes.
int Opening::open_once(int flags) const noexcept {
    switch (place_.kind) {
        case HeapPlace::Kind::name:
            return shm_open(place_.text.c_str(), O_RDWR | O_CLOEXEC | flags, options_.rights);
        case HeapPlace::Kind::path:
            return open(place_.text.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | flags,
                        options_.rights);
        default: break;
    }
    const std::string path = "/proc/self/fd/" + std::to_string(place_.descriptor);
    const int again = open(path.c_str(), O_RDWR | O_CLOEXEC);
    return again >= 0 ? again : fcntl(place_.descriptor, F_DUPFD_CLOEXEC, 0);
}

// First without O_CREAT: the kernel may refuse that flag for a file of another
// user in a directory that anyone can write to.
File Opening::open_file() {
    for (;;) {
        int descriptor = open_once(0);
        if (descriptor < 0 && errno == ENOENT && mode_ != SharedHeapMode::open_only) {
            descriptor = open_once(O_CREAT | O_EXCL);
            if (descriptor < 0 && errno == EEXIST) continue;
        }
        if (descriptor < 0 && errno == EINTR) continue;
        if (descriptor < 0) fail_by_errno("cannot open");
        return File(descriptor);
    }
}

// ----------------------------------------------------------------- the stages

Opening::Stage Opening::stage() {
    struct stat found {};
    if (fstat(file_.descriptor(), &found) != 0) fail_by_errno("fstat");
    if (!S_ISREG(found.st_mode)) fail(SharedHeapFault::not_a_heap, "is no regular file");
    if (found.st_size == 0) return Stage::empty;
    struct {
        Format format;
        Word units;
        std::uint32_t ready;
    } start{};
    static_assert(offsetof(Header, units) == sizeof(Format) &&
                  offsetof(Header, ready) == sizeof(Format) + sizeof(Word));
    const ssize_t bytes = pread(file_.descriptor(), &start, sizeof start, 0);
    if (bytes < 0) fail_by_errno("pread");
    format_ = start.format;
    if (bytes < static_cast<ssize_t>(sizeof(Format)) || !has_magic(format_)) {
        fail(SharedHeapFault::not_a_heap, "is no shared heap: " + difference(format_));
    }
    return start.ready != 0 ? Stage::ready : Stage::begun;
}

// True: the heap is ready, by this process or another.
bool Opening::try_create() {
    if (flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK || errno == EINTR) return false;
        fail_by_errno("flock");
    }
    if (stage() != Stage::ready) {
        create();
        mode_ = SharedHeapMode::open_or_create;  // it exists by this process
    }
    flock(file_.descriptor(), LOCK_UN);
    return true;
}

// Each step may be repeated after a creator's death. Nothing is touched before
// its pages are in the file.
void Opening::create() {
    if (options_.limit == 0 || options_.limit > kMostBytes) {
        fail(SharedHeapFault::bad_size, "the limit is " + std::to_string(options_.limit) +
                                            ", expected 1 to " + std::to_string(kMostBytes));
    }
    if (place_.kind != HeapPlace::Kind::descriptor) fchmod(file_.descriptor(), options_.rights);
    const Format format = format_of_this_build();
    const std::size_t bytes = Segment::file_bytes(units_);
    rlimit most{};
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur < bytes) {
        fail(SharedHeapFault::no_space, "needs a sparse file of " + std::to_string(bytes) +
                                            " bytes, RLIMIT_FSIZE is " +
                                            std::to_string(most.rlim_cur));
    }
    if (pwrite(file_.descriptor(), &format, sizeof format, 0) != sizeof format)
        fail_by_errno("pwrite");
    if (file_.length() < bytes && ftruncate(file_.descriptor(), static_cast<off_t>(bytes)) != 0)
        fail_by_errno("ftruncate");
    if (!file_.commit(0, Segment::first_bytes(units_))) {
        fail(SharedHeapFault::no_space, "the file system has no room for the first " +
                                            std::to_string(Segment::first_bytes(units_)) +
                                            " bytes, or lacks fallocate()");
    }
    const View view(file_, bytes);
    if (view.start() == 0)
        fail(SharedHeapFault::no_address_space, "cannot map " + std::to_string(bytes) + " bytes");
    // What a dead creator left.
    std::memset(reinterpret_cast<void*>(view.start() + sizeof format), 0,
                sizeof(Header) - sizeof format);
    Segment segment;
    segment.attach(view.start(), units_, file_);
    Header& header = segment.header();
    header.units = units_;
    if (!make_lives(header))
        fail(SharedHeapFault::system,
             "the C library's robust mutexes cannot be shared in this way");
    if (!segment.cover_slot(1))
        fail(SharedHeapFault::no_space, "the file system has no room for the slots of threads");
    header.ready.store(1, rel);  // [E44] pairs with finish(): all of the above
}

OpenedFile Opening::finish() {
    if (const std::string found = difference(format_); !found.empty())
        fail(SharedHeapFault::other_layout, found);
    Word units = 0;
    if (pread(file_.descriptor(), &units, sizeof units, offsetof(Header, units)) != sizeof units)
        fail_by_errno("pread");
    if (units < 2 || units > kMaxUnits) {
        fail(SharedHeapFault::not_a_heap,
             "has " + std::to_string(units) + " units, expected 2 to " + std::to_string(kMaxUnits));
    }
    const auto count = static_cast<UnitId>(units);
    const std::size_t bytes = Segment::file_bytes(count);
    if (file_.length() < bytes) {
        fail(SharedHeapFault::not_a_heap, "ends after " + std::to_string(file_.length()) +
                                              " bytes, expected " + std::to_string(bytes));
    }
    if (options_.limit != SharedHeapOptions{}.limit && count != units_) {
        fail(SharedHeapFault::bad_size, "has a limit of " +
                                            std::to_string(std::size_t{count - 1} << kUnitShift) +
                                            " bytes, expected " + std::to_string(options_.limit));
    }
    View view(file_, bytes);
    if (view.start() == 0)
        fail(SharedHeapFault::no_address_space, "cannot map " + std::to_string(bytes) + " bytes");
    // [E44] acquire, pairs with create()
    static_cast<void>(reinterpret_cast<Header*>(view.start())->ready.load(acq));
    return {std::move(file_), std::move(view), count};
}

OpenedFile Opening::run() {
    file_ = open_file();
    for (int tries = 0; tries < kTries; ++tries) {
        const Stage found = stage();
        if (found == Stage::ready) {
            if (mode_ == SharedHeapMode::create_only) fail(SharedHeapFault::exists, "exists");
            return finish();
        }
        if (mode_ == SharedHeapMode::open_only || !try_create()) wait_a_little();
    }
    fail(SharedHeapFault::being_created, "another process has not finished the creation");
}

}  // namespace

OpenedFile open_segment(const HeapPlace& place, SharedHeapMode mode,
                        const SharedHeapOptions& options) {
    return Opening(place, mode, options).run();
}

}  // namespace ashlar::shared
