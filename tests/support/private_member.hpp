// Reaches a private member from a test without a hook in the code under test:
// an explicit instantiation may name private members.
#ifndef ASHLAR_TESTS_SUPPORT_PRIVATE_MEMBER_HPP
#define ASHLAR_TESTS_SUPPORT_PRIVATE_MEMBER_HPP

//
//   struct LockTag { using Type = TryLock Spans::*; friend Type member_of(LockTag); };
//   template struct PrivateMember<LockTag, &Spans::lock_>;                              ...
//   spans.*member_of(LockTag{})
template <class Tag, typename Tag::Type member>
struct PrivateMember {
    friend typename Tag::Type member_of(Tag) { return member; }
};

#endif
