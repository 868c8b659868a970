// A heap over memory of its own, with a policy.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_RANGES_RANGES_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_RANGES_RANGES_FIXTURE_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "manager/ranges/range_allocator.hpp"

struct Fixture {
    Fixture(ashlar::Placement placement, ashlar::Size size, std::uint32_t records,
            ashlar::Size limit_ = ashlar::Size{1} << 48)
        : Fixture(ashlar::make_policy(placement), size, records, limit_) {}
    Fixture(std::unique_ptr<ashlar::Policy> own, ashlar::Size size, std::uint32_t records,
            ashlar::Size limit_ = ashlar::Size{1} << 48)
        : policy(std::move(own)), most(records), limit(limit_) {
        ashlar::region::Carver measured(0);
        allocator.layout(measured, *policy, limit, most);
        memory.resize(measured.used() / sizeof(Line) + 1);
        place();
        if (!allocator.grow(size, true)) throw std::runtime_error("no heap");
    }

    // The same state at another address, in other objects: as another process
    // would find it. A policy without pointers.
    void relocate(std::unique_ptr<ashlar::Policy> other) {
        std::vector<Line> copy = memory;
        memory.assign(memory.size(), Line{{0x5a}});
        memory.swap(copy);
        policy = std::move(other);
        allocator = ashlar::ranges::RangeAllocator{};
        place();
    }
    [[nodiscard]] std::vector<std::string> faults() const {
        std::vector<std::string> lines;
        const std::size_t count = allocator.check(
            [](void* to, const char* line) {
                static_cast<std::vector<std::string>*>(to)->push_back(line);
            },
            &lines);
        EXPECT_EQ(count, lines.size());
        return lines;
    }
    void expect_sound() const { EXPECT_EQ(faults(), std::vector<std::string>{}); }

    struct alignas(64) Line {
        unsigned char bytes[64];
    };

    std::unique_ptr<ashlar::Policy> policy;
    std::uint32_t most;
    ashlar::Size limit;
    std::vector<Line> memory;
    ashlar::ranges::RangeAllocator allocator;

  private:
    void place() {
        ashlar::region::Carver placed(reinterpret_cast<std::uintptr_t>(memory.data()));
        allocator.layout(placed, *policy, limit, most);
    }
};

#endif
