// The environment is read by each thread that finds no result, and each stores
// the same words. So none waits, and no word orders another.
#include "malloc/settings/settings.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include "base/atomic.hpp"
#include "base/line.hpp"
#include "malloc/settings/initial_environment.hpp"
#include "malloc/settings/table.hpp"

namespace ashlar::settings {

using base::rlx;

namespace {

// Each is a value and, in bit 0, whether it has been read.
//   flags | plan: first, every, least | soft | hard | guards | reports | a file's name
constexpr unsigned kNumbers = 8;
constexpr unsigned kWordBytes = 7;  // of the name in each word
constexpr unsigned kWords = kNumbers + (FileName::kMost + kWordBytes) / kWordBytes;
constinit base::Atomic<std::uint64_t> words[kWords]{};
constinit base::Atomic<std::uint32_t> reported{};  // 1: a thread prints, or has printed

std::uint64_t pack(const Amount& amount) noexcept {
    return amount.value << 1 | (amount.percent ? 1U : 0U);
}

Amount unpack(std::uint64_t word) noexcept { return {word >> 1, (word & 1) != 0}; }

//   reports | stacks | status or signal | action | level |
//             12       4                  2        0
std::uint64_t pack_reports(const Settings& settings) noexcept {
    return std::uint64_t{settings.stacks} << 12 |
           static_cast<std::uint64_t>(settings.report_action.value) << 4 |
           static_cast<std::uint64_t>(settings.report_action.kind) << 2 |
           static_cast<std::uint64_t>(settings.report);
}

void unpack_reports(std::uint64_t word, Settings& settings) noexcept {
    settings.report = static_cast<ReportLevel>(word & 3);
    settings.report_action.kind = static_cast<ReportAction::Kind>(word >> 2 & 3);
    settings.report_action.value = static_cast<std::uint8_t>(word >> 4);
    settings.stacks = static_cast<std::uint32_t>(word >> 12);
}

//   flags | check | signals | background | failures | statistics |
//         7       5         4            2          1            0
void store(const Settings& settings) noexcept {
    const std::uint64_t flags = static_cast<std::uint64_t>(settings.check) << 5 |
                                (settings.signals ? 16U : 0U) |
                                static_cast<std::uint64_t>(settings.background) << 2 |
                                (settings.failures ? 2U : 0U) | (settings.statistics ? 1U : 0U);
    std::uint64_t values[kWords] = {flags,
                                    settings.plan.first,
                                    settings.plan.every,
                                    settings.plan.least,
                                    pack(settings.soft_limit),
                                    pack(settings.hard_limit),
                                    settings.guard_sample,
                                    pack_reports(settings)};
    for (std::size_t i = 0; i < FileName::kMost; ++i) {
        const auto byte = static_cast<unsigned char>(settings.report_file.text[i]);
        values[kNumbers + i / kWordBytes] |= std::uint64_t{byte} << i % kWordBytes * 8;
    }
    // Relaxed: all threads store the same, and each word says that it is there.
    for (unsigned i = 0; i < kWords; ++i) words[i].store(values[i] << 1 | 1, rlx);
}

// False: a word is not there yet.
bool load(Settings& settings) noexcept {
    std::uint64_t values[kWords];
    for (unsigned i = 0; i < kWords; ++i) {
        const std::uint64_t word = words[i].load(rlx);  // relaxed: as the stores
        if ((word & 1) == 0) return false;
        values[i] = word >> 1;
    }
    settings.check = static_cast<CheckLevel>(values[0] >> 5);
    settings.signals = (values[0] & 16) != 0;
    settings.background = static_cast<Background>(values[0] >> 2 & 3);
    settings.failures = (values[0] & 2) != 0;
    settings.statistics = (values[0] & 1) != 0;
    settings.plan = {values[1], values[2], values[3]};
    settings.soft_limit = unpack(values[4]);
    settings.hard_limit = unpack(values[5]);
    settings.guard_sample = static_cast<std::uint32_t>(values[6]);
    unpack_reports(values[7], settings);
    for (std::size_t i = 0; i < FileName::kMost; ++i) {
        settings.report_file.text[i] =
            static_cast<char>(values[kNumbers + i / kWordBytes] >> i % kWordBytes * 8);
    }
    return true;
}

// At most 60 characters, those that are not printable as '?'.
class Shown {
  public:
    Shown(const char* text, std::size_t length) noexcept {
        constexpr std::size_t kMost = sizeof text_ - 1;
        const std::size_t end = length < kMost ? length : kMost;
        for (std::size_t i = 0; i < end; ++i)
            text_[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
        text_[end] = '\0';
    }
    [[nodiscard]] const char* text() const noexcept { return text_; }

  private:
    char text_[61];
};

void print(void*, const Complaint& complaint) noexcept {
    const Shown name(complaint.name, complaint.length);
    base::Line line;
    line.text("ashlar: ").text(name.text());
    if (complaint.setting == nullptr) {
        line.text(": no such setting, the nearest is ")
            .text(nearest(complaint.name, complaint.length).name);
    } else {
        std::size_t length = 0;
        while (complaint.value[length] != '\0') ++length;
        line.text("=").text(Shown(complaint.value, length).text());
        line.text(": ignored, expected ").text(complaint.setting->expected);
    }
    line.write(STDERR_FILENO);
}

void keep_quiet(void*, const Complaint&) noexcept {}

}  // namespace

Settings secure(const Settings& wish) noexcept {
    Settings settings;
    if (wish.check > settings.check) settings.check = wish.check;
    settings.guard_sample = wish.guard_sample;
    return settings;
}

Settings environment() noexcept {
    Settings settings;
    if (load(settings)) return settings;
    const char* const* const variables = initial_environment();
    if (variables == nullptr) return {};
    if (getauxval(AT_SECURE) == 0) {
        const bool first = reported.exchange(1, rlx) == 0;  // relaxed: only one thread is to print
        settings = read(variables, first ? print : keep_quiet, nullptr);
    } else {
        settings = secure(read(variables, keep_quiet, nullptr));
    }
    store(settings);
    return settings;
}

}  // namespace ashlar::settings
