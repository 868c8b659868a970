// The subjects of the measurement: a MemoryManager with each of its policies,
// and Boost.Interprocess's managed external buffer with both of its algorithms.
// All get the same bytes, and return blocks at multiples of 16, for any object.
// Boost always aligns so; a manager has that granularity.
//
// The work differs: Boost keeps headers inside the buffer, and trusts the
// pointer that it gets back. A manager looks the offset up, and would refuse a
// wrong one.
#ifndef ASHLAR_BENCH_MANAGER_SUBJECTS_HPP
#define ASHLAR_BENCH_MANAGER_SUBJECTS_HPP

#include <boost/interprocess/indexes/iset_index.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/mem_algo/simple_seq_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include <ashlar/memory_manager.hpp>

#include <sys/mman.h>

namespace bench {

/// Pages become resident when they are touched.
class Buffer {
  public:
    explicit Buffer(std::size_t bytes) : bytes_(bytes) {
        memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
    }
    ~Buffer() { munmap(memory_, bytes_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return {static_cast<std::byte*>(memory_), bytes_};
    }

  private:
    void* memory_;
    std::size_t bytes_;
};

template <ashlar::Placement P, ashlar::Threads T,
          ashlar::Size SmallLimit = ashlar::small_limit_by_threads, ashlar::Size Granularity = 16>
class Manager {
  public:
    using Block = ashlar::Offset;
    static constexpr Block none = ~Block{0};

    explicit Manager(std::span<std::byte> buffer)
        : base_(buffer.data()), manager_(buffer, options()) {}
    [[nodiscard]] Block take(std::size_t size) { return manager_.allocate(size).value_or(none); }
    void give(Block block) { manager_.deallocate(block); }
    [[nodiscard]] std::byte* bytes(Block block) const noexcept { return base_ + block; }

  private:
    static ashlar::ManagerOptions options() {
        ashlar::ManagerOptions made;
        made.placement = P;
        made.threads = T;
        made.granularity = Granularity;
        made.small_limit = SmallLimit;
        return made;
    }
    std::byte* base_;
    ashlar::MemoryManager manager_;
};

template <class Algorithm>
class Boost {
  public:
    using Block = void*;
    static constexpr Block none = nullptr;

    explicit Boost(std::span<std::byte> buffer)
        : buffer_(boost::interprocess::create_only, buffer.data(), buffer.size()) {}
    [[nodiscard]] Block take(std::size_t size) { return buffer_.allocate(size, std::nothrow); }
    void give(Block block) { buffer_.deallocate(block); }
    [[nodiscard]] static std::byte* bytes(Block block) noexcept {
        return static_cast<std::byte*>(block);
    }

  private:
    boost::interprocess::basic_managed_external_buffer<char, Algorithm,
                                                       boost::interprocess::iset_index>
        buffer_;
};

/// Calls f.template operator()<Subject>(name) for each subject. tlsf_slabs
/// takes small blocks out of slabs, all others place each block.
template <class F>
void each_for_one_thread(F f) {
    using ashlar::Placement;
    constexpr auto one = ashlar::Threads::one;
    f.template operator()<Manager<Placement::tlsf, one>>("tlsf");
    f.template operator()<Manager<Placement::tlsf, one, 1024>>("tlsf_slabs");
    f.template operator()<Manager<Placement::first_fit, one>>("first_fit");
    f.template operator()<Manager<Placement::next_fit, one>>("next_fit");
    f.template operator()<Manager<Placement::best_fit, one>>("best_fit");
    f.template operator()<Manager<Placement::worst_fit, one>>("worst_fit");
    f.template operator()<Manager<Placement::ordered_best_fit, one>>("ordered_best_fit");
    f.template operator()<Manager<Placement::buddy, one>>("buddy");
    f.template operator()<Manager<Placement::linear, one>>("linear");
    f.template operator()<Manager<Placement::ring, one>>("ring");
    f.template
    operator()<Boost<boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family>>>(
        "boost_rbtree");
    f.template
    operator()<Boost<boost::interprocess::simple_seq_fit<boost::interprocess::null_mutex_family>>>(
        "boost_seq");
}

/// tlsf_locked is TLSF without the small blocks' caches: every call takes the
/// lock.
template <class F>
void each_for_many_threads(F f) {
    using ashlar::Placement;
    constexpr auto many = ashlar::Threads::many;
    f.template operator()<Manager<Placement::tlsf, many>>("tlsf");
    f.template operator()<Manager<Placement::tlsf, many, 0>>("tlsf_locked");
    f.template operator()<Manager<Placement::first_fit, many>>("first_fit");
    f.template operator()<Manager<Placement::next_fit, many>>("next_fit");
    f.template operator()<Manager<Placement::best_fit, many>>("best_fit");
    f.template operator()<Manager<Placement::worst_fit, many>>("worst_fit");
    f.template operator()<Manager<Placement::ordered_best_fit, many>>("ordered_best_fit");
    f.template operator()<Manager<Placement::buddy, many>>("buddy");
    f.template operator()<Manager<Placement::linear, many>>("linear");
    f.template operator()<Manager<Placement::ring, many>>("ring");
    f.template
    operator()<Boost<boost::interprocess::rbtree_best_fit<boost::interprocess::mutex_family>>>(
        "boost_rbtree");
    f.template
    operator()<Boost<boost::interprocess::simple_seq_fit<boost::interprocess::mutex_family>>>(
        "boost_seq");
}

/// For ashlar_manager_waste: blocks of exactly the requested size, at any
/// offset; and the cost of threads' caches and slabs.
template <class F>
void each_exact(F f) {
    using ashlar::Placement;
    f.template operator()<Manager<Placement::tlsf, ashlar::Threads::one, 0, 1>>("tlsf, bytes");
    f.template operator()<Manager<Placement::ordered_best_fit, ashlar::Threads::one, 0, 1>>(
        "ordered_best_fit, bytes");
    f.template operator()<Manager<Placement::tlsf, ashlar::Threads::many>>("tlsf, threads");
}

}  // namespace bench

#endif
