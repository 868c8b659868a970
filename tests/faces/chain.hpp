// Blocks linked through their own first bytes: what exhausts memory must not need any beside it.
#ifndef ASHLAR_TESTS_FACES_CHAIN_HPP
#define ASHLAR_TESTS_FACES_CHAIN_HPP

#include <cerrno>
#include <cstddef>

#include "face.hpp"

class Chain {
  public:
    Chain() = default;
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { free_all(); }

    bool grow(std::size_t size) {
        auto* link = static_cast<Link*>(face.malloc(size));
        if (link == nullptr) return false;
        link->next = first_;
        first_ = link;
        return true;
    }
    // Allocates until there is no more; returns the number of blocks. What errno says then is in `error`.
    std::size_t exhaust(std::size_t size, int* error = nullptr) {
        std::size_t count = 0;
        errno = 0;
        while (grow(size)) ++count;
        if (error != nullptr) *error = errno;
        return count;
    }
    // No size of any kind is to be had any more.
    void exhaust_all() {
        for (std::size_t size = std::size_t{1} << 24; size >= 16; size /= 2) exhaust(size);
        for (std::size_t size = 32 * 1024; size >= 16; size -= 16) exhaust(size);
    }
    bool free_one() {
        if (first_ == nullptr) return false;
        Link* link = first_;
        first_ = link->next;
        face.free(link);
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
