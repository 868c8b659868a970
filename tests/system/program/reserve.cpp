// Reserved and unused address space: its cost for a core dump, for a lock of
// all memory, under a limit, and in the kernel's accounting.
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

void use_a_little() {
    for (std::size_t size = 16; size <= 64 * measure::kib; size += size / 2) {
        for (int i = 0; i < 4; ++i) {
            void* const block = std::malloc(size);
            require(block != nullptr, "malloc");
            std::memset(block, 1, size);
            if (i % 2 == 0) std::free(block);
        }
    }
}

void crash(Arguments) {
    use_a_little();
    measure::print();
    raise(SIGSEGV);
}

void lock_all(Arguments) {
    use_a_little();
    if (mlockall(MCL_CURRENT) != 0) measure::skip("mlockall is not permitted");
    figure("locked_mib", measure::in_mib(measure::status_kib("VmLck:")));
    figure("resident_mib", measure::in_mib(measure::status_kib("VmRSS:")));
}

void tiny(Arguments) {
    use_a_little();
    figure("charged_mib", measure::in_mib(measure::charged_kib()));
    figure("charged_if_strict_mib", measure::in_mib(measure::charged_kib_if_strict()));
    figure("anonymous_mib", measure::in_mib(measure::anonymous_kib()));
    figure("with_huge_pages_mib", measure::in_mib(measure::anonymous_kib_with_huge_pages()));
}

namespace {

/// Takes blocks until NULL, or until `cap` bytes. Returns the bytes.
std::size_t take(std::size_t size, std::size_t cap) {
    std::size_t got = 0;
    errno = 0;
    while (got < cap && std::malloc(size) != nullptr) got += size;
    return got;
}

}  // namespace

void until_null(Arguments arguments) {
    const std::size_t got = take(arguments.number(0), arguments.number(1));
    figure("got_mib", static_cast<double>(got) / measure::mib);
    figure("errno_is_enomem", errno == ENOMEM ? 1 : 0);
}

void limit_itself(Arguments arguments) {
    use_a_little();
    const std::size_t bytes = arguments.number(1);
    const rlimit limit{bytes, bytes};
    require(setrlimit(arguments.is(0, "as") ? RLIMIT_AS : RLIMIT_DATA, &limit) == 0, "setrlimit");
    pthread_t thread;
    const auto body = [](void*) -> void* {
        std::free(std::malloc(100));
        return nullptr;
    };
    const int error = pthread_create(&thread, nullptr, body, nullptr);
    if (error == 0) pthread_join(thread, nullptr);
    figure("thread_works", error == 0 ? 1 : 0);
    figure("got_mib", static_cast<double>(take(measure::mib, 4 * bytes)) / measure::mib);
}

void beyond_ram(Arguments arguments) {
    const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
    const std::size_t bytes = pages * 4 * measure::kib * arguments.number(0);
    errno = 0;
    void* const block = std::malloc(bytes);
    figure("refused", block == nullptr ? 1 : 0);
    figure("errno_is_enomem", errno == ENOMEM ? 1 : 0);
    std::free(block);
}

}  // namespace commands
