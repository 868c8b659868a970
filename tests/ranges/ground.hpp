// A heap over memory of its own, with a policy.
#ifndef ASHLAR_TESTS_RANGES_GROUND_HPP
#define ASHLAR_TESTS_RANGES_GROUND_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ranges/heap.hpp"

struct Ground {
    Ground(ashlar::Placement placement, ashlar::Size size, std::uint32_t records, ashlar::Size limit_ = ashlar::Size{1} << 48)
        : Ground(ashlar::make_policy(placement), size, records, limit_) {}
    Ground(std::unique_ptr<ashlar::Policy> own, ashlar::Size size, std::uint32_t records,
           ashlar::Size limit_ = ashlar::Size{1} << 48)
        : policy(std::move(own)), most(records), limit(limit_) {
        ashlar::region::Carver measured(0);
        heap.layout(measured, *policy, limit, most);
        memory.resize(measured.used() / sizeof(Line) + 1);
        place();
        if (!heap.grow(size, true)) throw std::runtime_error("no heap");
    }

    // The same state at another address, in other objects: as another process would find it. A policy without pointers.
    void relocate(std::unique_ptr<ashlar::Policy> other) {
        std::vector<Line> copy = memory;
        memory.assign(memory.size(), Line{{0x5a}});
        memory.swap(copy);
        policy = std::move(other);
        heap = ashlar::ranges::Heap{};
        place();
    }
    [[nodiscard]] std::vector<std::string> faults() const {
        std::vector<std::string> lines;
        const std::size_t count =
            heap.check([](void* to, const char* line) { static_cast<std::vector<std::string>*>(to)->push_back(line); }, &lines);
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
    ashlar::ranges::Heap heap;

  private:
    void place() {
        ashlar::region::Carver placed(reinterpret_cast<std::uintptr_t>(memory.data()));
        heap.layout(placed, *policy, limit, most);
    }
};

#endif
