// The heaps that are compared, with one face: Ashlar's shared heap and
// Boost.Interprocess's, each in shared memory and in a file. Each process opens
// the heap itself, with default settings.
#ifndef ASHLAR_BENCH_SHARED_SUBJECTS_HPP
#define ASHLAR_BENCH_SHARED_SUBJECTS_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <ashlar/shared_heap.hpp>
#include <boost/interprocess/managed_mapped_file.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

namespace bench {

// Boost's segments do not grow while in use.
inline constexpr std::size_t kBoostBytes = std::size_t{1} << 30;

enum class Open { create, existing };

// Where a heap of this run lies.
inline std::string shared_name() { return "/ashlar-bench-" + std::to_string(getpid()); }
inline std::string file_name(const std::string& folder) { return folder + shared_name(); }

// Bytes of a file that have pages.
inline std::size_t pages_of(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? static_cast<std::size_t>(status.st_blocks) * 512 : 0;
}

template <bool kFile>
class Ashlar {
  public:
    static constexpr const char* kName = kFile ? "ashlar-file" : "ashlar";
    Ashlar(Open open, const std::string& place) : heap_(make(open, place)) {}
    static void remove(const std::string& place) {
        kFile ? unlink(place.c_str()) : ashlar::SharedHeap::remove(place);
    }

    void* allocate(std::size_t size) { return heap_.allocate(size); }
    void deallocate(void* block) { heap_.deallocate(block); }
    std::uint64_t to_offset(const void* block) const { return heap_.to_offset(block); }
    void* to_address(std::uint64_t offset) const { return heap_.to_address(offset); }
    ashlar::SharedHeap& heap() { return heap_; }

  private:
    static ashlar::SharedHeap make(Open open, const std::string& place) {
        const auto mode = open == Open::create ? ashlar::SharedHeapMode::create_only
                                               : ashlar::SharedHeapMode::open_only;
        if constexpr (kFile) return ashlar::SharedHeap::file(mode, place);
        return ashlar::SharedHeap(mode, place);
    }

    ashlar::SharedHeap heap_;
};

template <bool kFile>
class Boost {
    using Segment = std::conditional_t<kFile, boost::interprocess::managed_mapped_file,
                                       boost::interprocess::managed_shared_memory>;

  public:
    static constexpr const char* kName = kFile ? "boost-file" : "boost";
    Boost(Open open, const std::string& place) : segment_(make(open, place)) {}
    static void remove(const std::string& place) {
        kFile ? unlink(place.c_str())
              : static_cast<int>(boost::interprocess::shared_memory_object::remove(place.c_str()));
    }

    void* allocate(std::size_t size) { return segment_.allocate(size, std::nothrow); }
    void deallocate(void* block) { segment_.deallocate(block); }
    std::uint64_t to_offset(const void* block) const {
        return static_cast<std::uint64_t>(segment_.get_handle_from_address(block));
    }
    void* to_address(std::uint64_t offset) const {
        return segment_.get_address_from_handle(static_cast<typename Segment::handle_t>(offset));
    }

  private:
    static Segment make(Open open, const std::string& place) {
        if (open == Open::create)
            return Segment(boost::interprocess::create_only, place.c_str(), kBoostBytes);
        return Segment(boost::interprocess::open_only, place.c_str());
    }

    Segment segment_;
};

}  // namespace bench

#endif
