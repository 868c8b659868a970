// One input: a sequence of calls over all entry points. Each call runs in one
// of four threads, which the input names, and is checked against the model. At
// the end everything is freed, and the heap must hold nothing.
#ifndef ASHLAR_TESTS_FUZZ_SESSION_HPP
#define ASHLAR_TESTS_FUZZ_SESSION_HPP

#include <array>
#include <memory>

#include <ashlar/heap.hpp>

#include "input.hpp"
#include "model.hpp"
#include "team.hpp"

namespace fuzz {

class Session {
  public:
    explicit Session(Input input) : in_(input) {}
    void run();

    static constexpr std::size_t kHeaps = 3;

  private:
    using Call = void (Session::*)();

    // process.cpp: the C interface
    void take();
    void take_zeroed();
    void take_aligned();
    void resize();
    void give();
    void give_sized();
    void take_batch();
    void give_batch();
    void refuse();
    void burst();
    // heaps.cpp: heaps and resources
    void heap_take();
    void heap_resize();
    void heap_end();
    void heap_look();
    void resource();
    // session.cpp
    void look();
    void trim();
    void end_thread();

    void added(void* data, std::size_t size, std::size_t alignment, std::uint32_t heap, bool plain);
    void free_block(std::size_t i);
    [[nodiscard]] bool full() const;
    [[nodiscard]] std::size_t any() { return in_.below(model_.count()); }
    ashlar::Heap& heap(std::uint32_t number);

    Input in_;
    Model model_;
    Team team_;
    std::array<std::unique_ptr<ashlar::Heap>, kHeaps> heaps_;  // number - 1
    std::size_t bytes_ = 0;                                    // asked for and alive
    std::uint8_t marks_ = 0;
};

}  // namespace fuzz

#endif
