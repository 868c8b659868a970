// The constants that every layer shares. Compile-time choices are `if
// constexpr` on a constant of this file, never an #if.
#ifndef ASHLAR_BASE_CONFIG_HPP
#define ASHLAR_BASE_CONFIG_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::base {

inline constexpr unsigned kUnitShift = 16;
// 64 KiB: a multiple of every page size in use.
inline constexpr std::size_t kUnitSize = std::size_t{1} << kUnitShift;
inline constexpr std::size_t kMinAlignment = 16;
inline constexpr std::size_t kCacheLine = 64;

// A unit's number within its region. Unit 0 is never handed out, so that 0 can
// mean "none" in every shared word.
using UnitId = std::uint32_t;
inline constexpr UnitId kNoUnit = 0;

#ifdef NDEBUG
inline constexpr bool kDebug = false;
#else
inline constexpr bool kDebug = true;
#endif

#ifdef ASHLAR_COUNT
inline constexpr bool kCounting = true;
#else
inline constexpr bool kCounting = false;
#endif

// ThreadSanitizer, or the explorer, which uses its hooks: they do not see
// assembly code.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kHooked = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool kHooked = true;
#else
inline constexpr bool kHooked = false;
#endif
#else
inline constexpr bool kHooked = false;
#endif
// The explorer knows the system's barriers, ThreadSanitizer does not.
#ifdef ASHLAR_EXPLORED
inline constexpr bool kKnowsBarriers = true;
#else
inline constexpr bool kKnowsBarriers = !kHooked;
#endif

#if defined(__x86_64__)
inline constexpr bool kX86 = true;
#else
inline constexpr bool kX86 = false;
#endif
#if defined(__aarch64__)
inline constexpr bool kArm = true;
#else
inline constexpr bool kArm = false;
#endif

}  // namespace ashlar::base

#endif
