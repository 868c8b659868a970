// Misuse of delete.
#include <new>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "abort_message.hpp"

namespace {

class DeleteMisuse : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

    static void* announced(void* block) {
        announce(block, ash_malloc_usable_size(block));
        return block;
    }
};

TEST_P(DeleteMisuse, TwiceAborts) {
    const auto misuse = [size = GetParam()] {
        void* block = announced(::operator new(size));
        void* volatile again = block;
        ::operator delete(block);
        ::operator delete(again);
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(DeleteMisuse, OfAnotherSizeAborts) {
    const std::size_t claimed = 4 * GetParam() + 1000;
    const auto misuse = [size = GetParam(), claimed] {
        ::operator delete(announced(::operator new(size)), claimed);
        ash_malloc_trim(0);
    };
    const auto misuse_of_array = [size = GetParam(), claimed] {
        ::operator delete[](announced(::operator new[](size)), claimed);
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), wrong_size(claimed));
    EXPECT_ABORT(misuse_of_array(), wrong_size(claimed));
}

TEST_P(DeleteMisuse, AlignedOfAnotherSizeAborts) {
    const std::size_t claimed = 4 * GetParam() + 1000;
    static constexpr std::align_val_t alignment{64};
    const auto misuse = [size = GetParam(), claimed] {
        ::operator delete(announced(::operator new(size, alignment)), claimed, alignment);
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), wrong_size(claimed));
}

TEST_P(DeleteMisuse, OfAPointerIntoABlockAborts) {
    const auto misuse = [size = GetParam()] {
        void* block = ::operator new(size);
        char* volatile inner = static_cast<char*>(block) + 8;
        announce(inner, ash_malloc_usable_size(block));
        ::operator delete(inner);
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), inside());
}

INSTANTIATE_TEST_SUITE_P(Sizes, DeleteMisuse, testing::Values(8, 4096, 262144),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

}  // namespace
