// Surveys of a core: a memory with a list of mappings, as a core file gives
// them. This process stands for the core.
#include <ashlar/ashlar.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "malloc/inspect/report.hpp"
#include "malloc/inspect/waterfall.hpp"
#include "malloc/process/process.hpp"

namespace {

using namespace ashlar::inspect;

constexpr std::size_t kPage = 4096;
constexpr std::size_t mib = std::size_t{1} << 20;

struct Destroy {
    void operator()(Survey* survey) const { Survey::destroy(survey); }
};
using Owned = std::unique_ptr<Survey, Destroy>;

// The writable private mappings, but not the shadows of sanitizers.
std::vector<CoreMapping> own_mappings() {
    std::vector<CoreMapping> list;
    ProcFile file;
    if (!file.open(getpid(), "maps")) std::abort();
    while (const char* text = file.line()) {
        const std::uint64_t start = read_number(text, 16);
        const std::uint64_t end = read_number(++text, 16);
        if (std::strncmp(text, " rw-p", 5) == 0 && end - start <= 256 * mib)
            list.push_back({start, end, Other::anonymous});
    }
    file.close();
    return list;
}

class CoreSurvey : public testing::Test {
  protected:
    void SetUp() override {
        block_ = ash_malloc(100);
        source_.open(getpid());
        memory_ = source_.view();
        if (!memory_.reads_plain) GTEST_SKIP() << "no /proc/self/mem";
        list_ = own_mappings();
        made_.reset(Survey::make(1234, memory_));
        ASSERT_NE(made_, nullptr);
    }
    void TearDown() override {
        made_.reset();
        source_.close();
        ash_free(block_);
    }
    static std::uint64_t own_heap() {
        return reinterpret_cast<std::uintptr_t>(&ashlar::cache::process()->description());
    }

    void* block_ = nullptr;
    ProcessMemory source_{};
    Memory memory_{};
    std::vector<CoreMapping> list_;
    Owned made_;
};

struct Seen {
    std::uint64_t units = 0, with_pages = 0, slabs_with_bits = 0;
    static void visit(void* self, const UnitRecord& record) noexcept {
        auto& seen = *static_cast<Seen*>(self);
        seen.units += record.units;
        if (record.pages != nullptr) ++seen.with_pages;
        if (record.kind == UnitKind::slab && record.free != nullptr) ++seen.slabs_with_bits;
    }
};

TEST_F(CoreSurvey, FindsTheHeapAmongTheMappings) {
    std::uint64_t heap = 0;
    EXPECT_EQ(made_->find_heap(list_.data(), list_.size(), heap), Found::heap);
    EXPECT_EQ(heap, own_heap());
    EXPECT_EQ(made_->find_heap(list_.data(), 0, heap), Found::none);
}

TEST_F(CoreSurvey, FindsTheHeapWithinAMapping) {
    const std::uint64_t before = own_heap() - kPage;
    std::vector<CoreMapping> joined = {{before, own_heap() + kPage, Other::anonymous}};
    std::uint64_t heap = 0;
    EXPECT_EQ(made_->find_heap(joined.data(), joined.size(), heap), Found::heap);
    EXPECT_EQ(heap, own_heap());
}

TEST_F(CoreSurvey, CountsPagesThatAreNotZero) {
    const std::size_t bytes = 64 * kPage;
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    static_cast<char*>(at)[5 * kPage - 1] = 1;
    static_cast<char*>(at)[9 * kPage] = 1;
    static_cast<char*>(at)[20 * kPage] = 0;
    const auto start = reinterpret_cast<std::uintptr_t>(at);
    const CoreMapping list[] = {{start, start + bytes, Other::file}};
    made_->take(0, list, 1, nullptr);
    const Result& result = made_->result();
    EXPECT_EQ(result.rss, 2 * kPage);
    EXPECT_EQ(result.others[static_cast<unsigned>(Other::file)], 2 * kPage);
    EXPECT_EQ(result.process, 1234);
    EXPECT_TRUE(result.core);
    munmap(at, bytes);
}

TEST_F(CoreSurvey, AddsUp) {
    Seen seen;
    const UnitVisitor visitor{Seen::visit, &seen};
    made_->take(own_heap(), list_.data(), list_.size(), &visitor);
    const Result& result = made_->result();
    const Sums sums = sums_of(result.counts);
    EXPECT_EQ(sums.held, ash_statistics().held);
    EXPECT_EQ(result.counts.unreadable, 0U);
    EXPECT_GT(result.rss, 0U);
    EXPECT_GT(seen.units, 0U);
    EXPECT_GT(seen.with_pages, 0U);
    EXPECT_GT(seen.slabs_with_bits, 0U);
    const int file = memfd_create("report", 0);
    EXPECT_TRUE(write_text(result, file) && write_json(result, file));
    std::vector<char> text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)) + 1);
    EXPECT_GT(pread(file, text.data(), text.size() - 1, 0), 0);
    EXPECT_NE(std::strstr(text.data(), "report about a core of process 1234"), nullptr);
    EXPECT_NE(std::strstr(text.data(), "pages of the core that are not all zero"), nullptr);
    EXPECT_NE(std::strstr(text.data(), "\"core\": true"), nullptr);
    close(file);
}

TEST_F(CoreSurvey, VisitsUnitsWithoutResidency) {
    Seen seen;
    made_->take_heaps(own_heap(), {Seen::visit, &seen});
    EXPECT_GT(seen.units, 0U);
    EXPECT_EQ(seen.with_pages, 0U);
    ASSERT_FALSE(made_->heaps().empty());
    EXPECT_EQ(made_->heaps()[0], own_heap());
    EXPECT_EQ(made_->mapped().size(), made_->result().mapped_blocks);
    std::uint64_t magic = 0;
    EXPECT_TRUE(made_->memory().get(own_heap(), magic));
}

}  // namespace
