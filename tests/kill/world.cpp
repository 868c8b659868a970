#include "world.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace kills {
namespace {

[[noreturn]] void raise_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

File::File(UnitId units)
    : units_(units), bytes_(Segment::file_bytes(units)), file_(memfd_create("kill", MFD_CLOEXEC)) {
    if (file_ < 0) raise_errno("memfd_create");
    if (!commit(0, Segment::first_bytes(units)) ||
        ftruncate(file_, static_cast<off_t>(bytes_)) != 0)
        raise_errno("fallocate");
}

File::~File() { close(file_); }

bool File::commit(std::size_t offset, std::size_t bytes) noexcept {
    return fallocate(file_, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0;
}

bool File::punch(std::size_t offset, std::size_t bytes) noexcept {
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return fallocate(file_, kPunch, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0;
}

std::uintptr_t File::map() const {
    constexpr std::size_t kUnit = ashlar::base::kUnitSize;
    void* const reserved =
        mmap(nullptr, bytes_ + kUnit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED) raise_errno("mmap");
    const auto start = reinterpret_cast<std::uintptr_t>(reserved);
    const std::uintptr_t aligned = ashlar::base::round_up(start, kUnit);
    void* const mapped = mmap(reinterpret_cast<void*>(aligned), bytes_, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_FIXED, file_, 0);
    if (mapped == MAP_FAILED) raise_errno("mmap");
    if (aligned != start) munmap(reserved, aligned - start);
    munmap(reinterpret_cast<void*>(aligned + bytes_), start + kUnit - aligned);
    return aligned;
}

View::View(File& file, bool first) : bytes_(file.bytes()), segment_{}, blocks_(segment_) {
    segment_.attach(file.map(), file.units(), file);
    if (first && !ashlar::shared::make_lives(segment_.header()))
        throw std::runtime_error("the robust mutexes cannot be made");
}

View::~View() { munmap(reinterpret_cast<void*>(segment_.start()), bytes_); }

// Slots behind kSlots and the content of units are left out.
Snapshot::Snapshot(View& view, Offset place) {
    Segment& segment = view.segment();
    const auto at = [&](const Slot& slot) {
        return reinterpret_cast<std::uintptr_t>(&slot) - segment.start();
    };
    const std::size_t tables = at(segment.slot(0)) + ashlar::shared::kMaxSlots * sizeof(Slot);
    const std::size_t units = view.blocks().offset_of(UnitId{0});
    ranges_ = {Range{0, at(segment.slot(kSlots))}, Range{tables, units - tables},
               Range{place, place == 0 ? 0 : sizeof(std::uint64_t)}};
    std::size_t sum = 0;
    for (const Range& range : ranges_) sum += range.bytes;
    bytes_.resize(sum);
    update(view);
}

bool Snapshot::update(View& view) {
    bool changed = false;
    std::byte* to = bytes_.data();
    for (const Range& range : ranges_) {
        const void* const from = reinterpret_cast<const void*>(view.segment().start() + range.from);
        if (range.bytes != 0 && std::memcmp(to, from, range.bytes) != 0) {
            std::memcpy(to, from, range.bytes);
            changed = true;
        }
        to += range.bytes;
    }
    return changed;
}

void Snapshot::write_to(View& view) const {
    const std::byte* from = bytes_.data();
    for (const Range& range : ranges_) {
        if (range.bytes != 0)
            std::memcpy(reinterpret_cast<void*>(view.segment().start() + range.from), from,
                        range.bytes);
        from += range.bytes;
    }
}

}  // namespace kills
