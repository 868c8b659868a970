/// \file
/// Fallbacks of the headers for programs that are compiled with -fno-exceptions
/// or -fno-rtti. Not part of the interface.
///
/// There, these functions are always inlined. A program that mixes both kinds
/// of sources would otherwise have two definitions, and the linker would keep
/// one.
#ifndef ASHLAR_DETAIL_FALLBACKS_HPP
#define ASHLAR_DETAIL_FALLBACKS_HPP

#include <cstdlib>

/// Parts of the headers that are not part of the interface.
namespace ashlar::detail {

#if defined(__cpp_exceptions)
/// Throws an `Exception`. Aborts if compiled with -fno-exceptions.
template <class Exception>
[[noreturn]] inline void throw_or_abort() {
    throw Exception();
}
#else
/// Throws an `Exception`. Aborts if compiled with -fno-exceptions.
template <class Exception>
[[noreturn, gnu::always_inline]] inline void throw_or_abort() noexcept {
    std::abort();
}
#endif

#if defined(__cpp_rtti)
/// Returns `other` as an object of the class of `self`, or nullptr if it is of
/// another class. With -fno-rtti, only `self` itself is known to be of its
/// class.
template <class Self, class Base>
[[nodiscard]] inline const Self* same_class(const Self*, const Base& other) noexcept {
    return dynamic_cast<const Self*>(&other);
}
#else
/// Returns `other` as an object of the class of `self`, or nullptr if it is of
/// another class. With -fno-rtti, only `self` itself is known to be of its
/// class.
template <class Self, class Base>
[[nodiscard, gnu::always_inline]] inline const Self* same_class(const Self* self,
                                                                const Base& other) noexcept {
    return &other == self ? self : nullptr;
}
#endif

}  // namespace ashlar::detail

#endif
