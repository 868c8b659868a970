#include "manager/base/thread_numbers.hpp"

namespace ashlar::manager {

constinit thread_local std::uint32_t own_number [[gnu::tls_model("initial-exec")]] = 0;

namespace {

constinit ThreadNumbers numbers;

// Its destructor runs when the thread ends. A thread that uses a manager in a
// later destructor gets a number once more, which is never given back.
struct End {
    bool armed = false;
    ~End() {
        const std::uint32_t number = own_number;
        own_number = 0;
        if (armed && number != 0) give_thread_number(number);
    }
};
thread_local End end;

}  // namespace

[[gnu::cold]] std::uint32_t first_number() noexcept {
    own_number = take_thread_number();  // first: what follows may allocate
    end.armed = true;
    return own_number;
}

std::uint32_t take_thread_number() noexcept { return numbers.take(); }
void give_thread_number(std::uint32_t number) noexcept { numbers.give(number); }
void take_back_thread_numbers() noexcept { numbers.take_back_all_but(own_number); }

}  // namespace ashlar::manager
