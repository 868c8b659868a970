/// \file
/// ashlar::SharedObjects: objects with names in a SharedHeap, which any process
/// finds.
///
/// This header needs C++20, and the library ashlar::shared.
#ifndef ASHLAR_SHARED_OBJECTS_HPP
#define ASHLAR_SHARED_OBJECTS_HPP

#include <ashlar/shared_heap.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace ashlar {

/// What a call about a name did, or why it did nothing.
enum class SharedNameState {
    constructed,  ///< This call constructed the object.
    found,        ///< The object was there.
    destroyed,    ///< This call destroyed the object.
    exists,       ///< construct(): the name has an object.
    absent,       ///< No object has the name.
    busy,         ///< Another thread constructs or destroys the object.
    other_type,   ///< The object has another type or size.
    no_room,      ///< The heap has no room, or no free slot for the thread.
    bad_name,     ///< The name is empty, or longer than max_name.
};

/// Exception of SharedNamed::value().
class ASHLAR_API SharedNameError : public std::runtime_error {
  public:
    /// Creates an error. what() has the name, what was found, and what was
    /// expected. Throws std::bad_alloc.
    SharedNameError(SharedNameState state, const std::string& what)
        : std::runtime_error(what), state_(state) {}
    /// Returns what happened. O(1).
    [[nodiscard]] SharedNameState state() const noexcept { return state_; }

  private:
    SharedNameState state_;
};

/// The name of a type, equal in all programs that share its objects. The
/// default is the mangled name, which GCC and Clang agree on. Specialise it if
/// programs call one type by different names, or are compiled with -fno-rtti.
template <class T>
struct SharedTypeName;

#if defined(__cpp_rtti)
/// The mangled name.
template <class T>
struct SharedTypeName {
    /// Returns the name. O(1).
    [[nodiscard]] static std::string_view get() noexcept { return typeid(T).name(); }
};
#endif

namespace detail {

/// What the objects of one type have in common. Not part of the interface.
struct SharedType {
    std::uint64_t hash;
    std::size_t size;
    std::size_t alignment;
    std::string_view name;
};

/// Returns the description of T. The hash covers name and alignment.
template <class T>
[[nodiscard]] SharedType shared_type() noexcept {
    const std::string_view name = SharedTypeName<T>::get();
    std::uint64_t hash = 0xcbf29ce484222325 ^ alignof(T);
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return {hash, sizeof(T), alignof(T), name};
}

/// A step of a call. Not part of the interface.
struct SharedCall {
    SharedNameState state;
    void* object;
    std::size_t size;
    void* entry;
    std::uint64_t ticket;
};

/// Throws SharedNameError.
[[noreturn]] ASHLAR_API void refuse_name(SharedNameState state, std::string_view name,
                                         std::size_t found, const SharedType& expected);

}  // namespace detail

/// An object that a call found or constructed, or the reason why it did not.
template <class T>
class [[nodiscard]] SharedNamed {
  public:
    /// For SharedObjects. O(1).
    SharedNamed(SharedNameState state, T* object, std::size_t found, std::string_view name) noexcept
        : state_(state), object_(object), found_(found), name_(name) {}
    /// Returns the object, or nullptr. O(1).
    [[nodiscard]] T* get() const noexcept { return object_; }
    /// Returns what happened. O(1).
    [[nodiscard]] SharedNameState state() const noexcept { return state_; }
    /// Returns the bytes of the object that has the name, of any type; 0: none
    /// was seen. O(1).
    [[nodiscard]] std::size_t found_size() const noexcept { return found_; }
    /// Returns whether there is an object. O(1).
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
    /// Returns the object, which must be there. O(1).
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    /// Returns the object, which must be there. O(1).
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    /// Returns the object. Throws SharedNameError if there is none; then the
    /// characters of the call's name must still exist.
    [[nodiscard]] T& value() const {
        if (object_ == nullptr) {
            detail::refuse_name(state_, name_, found_, detail::shared_type<T>());
        }
        return *object_;
    }

  private:
    SharedNameState state_;
    T* object_;
    std::size_t found_;
    std::string_view name_;
};

/// A ready name, as each() shows it. The characters stay as long as the heap is
/// open.
struct SharedName {
    std::string_view name;  ///< The name.
    void* object;           ///< The object's address in this process.
    std::size_t size;       ///< The object's bytes.
    std::uint64_t type;     ///< Hash of the object's type and alignment.
    /// Returns the object if it is a T, else nullptr.
    template <class T>
    [[nodiscard]] T* as() const noexcept {
        const detail::SharedType wanted = detail::shared_type<T>();
        return wanted.hash == type && wanted.size == size ? static_cast<T*>(object) : nullptr;
    }
};

/// Named objects of a heap. Instances have no state of their own; they keep the
/// heap open.
///
/// A type must mean the same in all processes: no virtual functions, and
/// offsets or boost::interprocess::offset_ptr in the place of pointers. A name
/// keeps the hash of its object's type name and alignment, and the size. A call
/// with another type is refused.
///
/// Thread safety: any thread may call any member at any time. No call waits.
/// find() and each() are wait-free but for the length of the names' lists. The
/// others are lock-free, as far as the object's constructor or destructor is.
/// While a thread runs one, other calls for the name report busy. A caller may
/// try again, or do something else. Nothing keeps an object from being
/// destroyed while other threads use it; the program orders that.
///
/// Deaths: a thread that dies while it constructs or destroys leaves an absent
/// name, and the object's block is freed. Blocks that the constructor allocated
/// by itself stay live. A call that meets a dead thread's name recovers first.
///
/// Memory: a name keeps its entry of some 80 bytes for ever, also when its
/// object is destroyed. It is found in O(1 + names / 1024).
class ASHLAR_API SharedObjects {
  public:
    /// Bytes of the longest name.
    static constexpr std::size_t max_name = 4096;

    /// The names of a heap. O(1).
    explicit SharedObjects(const SharedHeap& heap) noexcept : mapping_(heap.mapping()) {}

    /// A call that waits for the constructor's arguments. It refers to the
    /// SharedObjects and the name.
    template <class T>
    class [[nodiscard]] Construction {
      public:
        /// Constructs a T from the arguments, unless the name has an object.
        /// Exceptions of the constructor pass; the name is absent then.
        template <class... Arguments>
        SharedNamed<T> operator()(Arguments&&... arguments) && {
            const detail::SharedCall call = objects_.begin(name_, detail::shared_type<T>());
            if (call.state == SharedNameState::exists && find_) {
                return {
                    call.object != nullptr ? SharedNameState::found : SharedNameState::other_type,
                    static_cast<T*>(call.object), call.size, name_};
            }
            if (call.state != SharedNameState::constructed) {
                return {call.state, nullptr, call.size, name_};
            }
            Undo undo{objects_, &call};
            T* const object = ::new (call.object) T(std::forward<Arguments>(arguments)...);
            undo.call = nullptr;
            objects_.commit(call);
            return {SharedNameState::constructed, object, sizeof(T), name_};
        }

      private:
        friend class SharedObjects;
        // Works without exceptions in the program, too.
        struct Undo {
            const SharedObjects& objects;
            const detail::SharedCall* call;
            ~Undo() {
                if (call != nullptr) objects.cancel(*call);
            }
        };
        Construction(const SharedObjects& objects, std::string_view name, bool find) noexcept
            : objects_(objects), name_(name), find_(find) {
            check<T>();
        }
        const SharedObjects& objects_;
        std::string_view name_;
        bool find_;
    };

    /// Constructs a T: `construct<T>("name")(arguments...)`. The result is
    /// constructed, exists, busy, no_room or bad_name.
    template <class T>
    Construction<T> construct(std::string_view name) const noexcept {
        return {*this, name, false};
    }
    /// Finds the object, or constructs it. The result is found, constructed,
    /// busy, other_type, no_room or bad_name. If several threads call it, one
    /// constructs; the others get `busy` until it is done.
    template <class T>
    Construction<T> find_or_construct(std::string_view name) const noexcept {
        return {*this, name, true};
    }
    /// Finds the object. The result is found, absent, busy, other_type or
    /// bad_name. Does not attach the thread.
    template <class T>
    SharedNamed<T> find(std::string_view name) const noexcept {
        check<T>();
        const detail::SharedCall call = look(name, detail::shared_type<T>());
        return {call.state, static_cast<T*>(call.object), call.size, name};
    }
    /// Destroys the object. Returns destroyed, absent, busy, other_type,
    /// no_room or bad_name. The destructor must not throw.
    template <class T>
    SharedNameState destroy(std::string_view name) const noexcept {
        check<T>();
        const detail::SharedCall call = begin_destroy(name, detail::shared_type<T>());
        if (call.state != SharedNameState::destroyed) return call.state;
        static_cast<T*>(call.object)->~T();
        cancel(call);
        return call.state;
    }
    /// Calls `visitor` for each ready name, in no order, until it returns
    /// false. It must not throw. Names that become ready meanwhile may be
    /// missing. O(names).
    void each(const std::function<bool(const SharedName&)>& visitor) const;

  private:
    template <class T>
    static constexpr void check() noexcept {
        static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>);
        static_assert(!std::is_polymorphic_v<T>, "a table of virtual functions is one process's");
        static_assert(alignof(T) <= 65536, "the heap has no such alignment");
    }
    [[nodiscard]] detail::SharedCall begin(std::string_view name,
                                           const detail::SharedType& type) const noexcept;
    [[nodiscard]] detail::SharedCall look(std::string_view name,
                                          const detail::SharedType& type) const noexcept;
    [[nodiscard]] detail::SharedCall begin_destroy(std::string_view name,
                                                   const detail::SharedType& type) const noexcept;
    void commit(const detail::SharedCall& call) const noexcept;
    void cancel(const detail::SharedCall& call) const noexcept;

    std::shared_ptr<shared::Mapping> mapping_;
};

}  // namespace ashlar

#endif
