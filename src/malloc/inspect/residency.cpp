#include "malloc/inspect/residency.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <bit>

#include "base/line.hpp"
#include "malloc/inspect/proc_file.hpp"

namespace ashlar::inspect {

void Residency::open(int process) noexcept {
    file_ = open_proc(process, "pagemap");
    shared_ = false;
    page_shift_ = static_cast<unsigned>(std::countr_zero(getauxval(AT_PAGESZ)));
    first_ = count_ = 0;
}

void Residency::open(const Memory& core) noexcept {
    core_ = &core;
    page_shift_ = kPartShift;
}

void Residency::close() noexcept {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    core_ = nullptr;
}

bool Residency::in_core(std::uint64_t page) const noexcept {
    std::uint64_t words[kPart / sizeof(std::uint64_t)];
    const std::uint64_t from = page << page_shift_;
    for (std::uint64_t at = from; at < from + (std::uint64_t{1} << page_shift_); at += kPart) {
        if (!core_->get(at, words)) continue;
        std::uint64_t all = 0;
        for (const std::uint64_t word : words) all |= word;
        if (all != 0) return true;
    }
    return false;
}

bool Residency::resident(std::uint64_t page) noexcept {
    constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
    constexpr std::uint64_t kExclusive = std::uint64_t{1} << 56;
    if (core_ != nullptr) return in_core(page);
    if (page - first_ >= count_) {
        first_ = page;
        count_ = 0;
        if (file_ < 0) return false;
        const ssize_t got =
            pread(file_, entries_, sizeof entries_, static_cast<off_t>(page * sizeof entries_[0]));
        if (got <= 0) return false;
        count_ = static_cast<std::uint64_t>(got) / sizeof entries_[0];
        if (count_ == 0) return false;
    }
    const std::uint64_t entry = entries_[page - first_];
    return (entry & kPresent) != 0 && (shared_ || (entry & kExclusive) != 0);
}

std::uint32_t Residency::parts(std::uint64_t address) noexcept {
    std::uint32_t found = 0;
    for (unsigned i = 0; i < kParts; ++i) {
        if (resident((address + i * kPart) >> page_shift_)) found |= std::uint32_t{1} << i;
    }
    return found;
}

std::uint64_t Residency::bytes(std::uint64_t from, std::uint64_t to) noexcept {
    std::uint64_t found = 0;
    while (from < to) {
        const std::uint64_t page = from >> page_shift_;
        const std::uint64_t next = (page + 1) << page_shift_;
        const std::uint64_t end = next < to ? next : to;
        if (resident(page)) found += end - from;
        from = end;
    }
    return found;
}

}  // namespace ashlar::inspect
