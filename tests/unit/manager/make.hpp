// Managers in few words.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_MAKE_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_MAKE_HPP

#include <ashlar/memory_manager.hpp>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace make {

// One thread calls or many do, and whether small blocks come out of slabs.
enum class Mode { one, one_slabs, many };
inline constexpr Mode modes[] = {Mode::one, Mode::one_slabs, Mode::many};
inline const char* name_of(Mode mode) {
    return mode == Mode::many ? "Many" : mode == Mode::one ? "One" : "OneSlabs";
}

inline ashlar::ManagerOptions options(ashlar::Size limit = 0,
                                      ashlar::Threads threads = ashlar::Threads::one) {
    ashlar::ManagerOptions made;
    made.limit = limit;
    made.threads = threads;
    return made;
}
inline ashlar::ManagerOptions options(ashlar::Size limit, Mode mode) {
    ashlar::ManagerOptions made =
        options(limit, mode == Mode::many ? ashlar::Threads::many : ashlar::Threads::one);
    if (mode == Mode::one_slabs) made.small_limit = 1024;
    return made;
}
inline ashlar::ManagerOptions placed(ashlar::Placement placement,
                                     ashlar::Threads threads = ashlar::Threads::one) {
    ashlar::ManagerOptions made = options(0, threads);
    made.placement = placement;
    return made;
}
inline ashlar::ManagerOptions placed(ashlar::Placement placement, Mode mode) {
    ashlar::ManagerOptions made = options(0, mode);
    made.placement = placement;
    return made;
}
inline std::vector<std::byte> pattern(ashlar::Size size, unsigned seed) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed * 31 + i * 7);
    return bytes;
}
inline std::vector<std::byte> contents(const ashlar::MemoryManagerInterface& manager,
                                       ashlar::Offset start, ashlar::Size size) {
    std::vector<std::byte> bytes(size);
    manager.read(start, bytes);
    return bytes;
}

// A policy as a part of a test's name.
inline std::string title_of(ashlar::Placement placement) {
    std::string name = ashlar::make_policy(placement)->name();
    for (char& letter : name) letter = letter == ' ' ? '_' : letter;
    return name;
}

// What an Error says that this throws; or that it throws something else, or
// nothing.
template <class Error, class Act>
std::string message(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    } catch (const std::exception& error) {
        return std::string("another exception: ") + error.what();
    }
    return "nothing thrown";
}

inline constexpr ashlar::Placement placements[] = {
    ashlar::Placement::tlsf,     ashlar::Placement::first_fit, ashlar::Placement::next_fit,
    ashlar::Placement::best_fit, ashlar::Placement::worst_fit, ashlar::Placement::ordered_best_fit,
    ashlar::Placement::buddy,    ashlar::Placement::linear,    ashlar::Placement::ring};

}  // namespace make

#endif
