// Blocks linked through their own first bytes: a test that exhausts memory
// needs no other memory.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_CHAIN_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_CHAIN_HPP

#include <cerrno>
#include <cstddef>

#include "api.hpp"

class Chain {
  public:
    Chain() = default;
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { free_all(); }

    bool grow(std::size_t size) {
        auto* link = static_cast<Link*>(api.malloc(size));
        if (link == nullptr) return false;
        link->next = first_;
        first_ = link;
        return true;
    }
    // Allocates until memory is out; returns the number of blocks. `error` gets
    // the last errno.
    std::size_t exhaust(std::size_t size, int* error = nullptr) {
        std::size_t count = 0;
        errno = 0;
        while (grow(size)) ++count;
        if (error != nullptr) *error = errno;
        return count;
    }
    // Allocates until no block of any size is left.
    void exhaust_all() {
        for (std::size_t size = std::size_t{1} << 24; size >= 16; size /= 2) exhaust(size);
        for (std::size_t size = 32 * 1024; size >= 16; size -= 16) exhaust(size);
    }
    bool free_one() {
        if (first_ == nullptr) return false;
        Link* link = first_;
        first_ = link->next;
        api.free(link);
        return true;
    }
    void free_all() {
        while (free_one()) {
        }
    }

  private:
    struct Link {
        Link* next;
    };
    Link* first_ = nullptr;
};

#endif
