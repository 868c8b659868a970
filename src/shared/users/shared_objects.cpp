#include <ashlar/shared_objects.hpp>

#include "shared/api/mapping.hpp"
#include "shared/names/names.hpp"

namespace ashlar {

using detail::SharedCall;
using detail::SharedType;
using shared::Entry;
using shared::Mapping;
using shared::NameAnswer;
using shared::Named;
using shared::NamedType;
using shared::Names;
using shared::NameView;
using shared::Owner;

namespace {

constexpr SharedCall nothing(SharedNameState state) noexcept {
    return {state, nullptr, 0, nullptr, 0};
}

bool is_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= SharedObjects::max_name;
}

void* address_of(const Mapping& mapping, shared::Offset offset) noexcept {
    return offset == 0 ? nullptr : reinterpret_cast<void*>(mapping.view().start() + offset);
}

SharedNameState state_of(NameAnswer answer, SharedNameState done) noexcept {
    switch (answer) {
        case NameAnswer::done: return done;
        case NameAnswer::exists: return SharedNameState::exists;
        case NameAnswer::absent: return SharedNameState::absent;
        case NameAnswer::busy: return SharedNameState::busy;
        case NameAnswer::other_type: return SharedNameState::other_type;
        case NameAnswer::no_room: break;
    }
    return SharedNameState::no_room;
}

// Begins a call that the name's holder may refuse. A dead holder is recovered
// first, and so is the memory of dead threads if there is no room.
template <class Begin>
SharedCall begin_call(Mapping& mapping, SharedNameState done, Begin begin) noexcept {
    const Owner me = mapping.enter();
    if (me.id == 0) return nothing(SharedNameState::no_room);
    Named named = begin(me);
    const bool again = named.answer == NameAnswer::busy || named.answer == NameAnswer::no_room;
    if (again && mapping.recover(me) != 0) named = begin(me);
    if (named.answer == NameAnswer::done) keep_slot(mapping);
    return {state_of(named.answer, done), address_of(mapping, named.object), named.size,
            named.entry, named.state.raw};
}

const char* text_of(SharedNameState state) noexcept {
    switch (state) {
        case SharedNameState::exists: return "the name has an object";
        case SharedNameState::absent: return "no object has the name";
        case SharedNameState::busy: return "another thread constructs or destroys the object";
        case SharedNameState::other_type: return "the object has another type";
        case SharedNameState::no_room: return "the heap has no room";
        case SharedNameState::bad_name: return "the name is empty or too long";
        case SharedNameState::constructed:
        case SharedNameState::found:
        case SharedNameState::destroyed: break;
    }
    return "there is no object";
}

}  // namespace

void detail::refuse_name(SharedNameState state, std::string_view name, std::size_t found,
                         const SharedType& expected) {
    std::string what =
        "ashlar: shared object \"" + std::string(name.substr(0, 200)) + "\": " + text_of(state);
    if (found != 0) what += " of " + std::to_string(found) + " bytes";
    what += "; expected type " + std::string(expected.name) + " of " +
            std::to_string(expected.size) + " bytes";
    throw SharedNameError(state, what);
}

SharedCall SharedObjects::begin(std::string_view name, const SharedType& type) const noexcept {
    if (!is_name(name)) return nothing(SharedNameState::bad_name);
    const NamedType wanted{type.hash, type.size, type.alignment};
    return begin_call(*mapping_, SharedNameState::constructed, [&](Owner me) noexcept {
        return Names(mapping_->blocks()).begin(me, name, wanted);
    });
}

SharedCall SharedObjects::begin_destroy(std::string_view name,
                                        const SharedType& type) const noexcept {
    if (!is_name(name)) return nothing(SharedNameState::bad_name);
    const NamedType wanted{type.hash, type.size, type.alignment};
    return begin_call(*mapping_, SharedNameState::destroyed, [&](Owner me) noexcept {
        return Names(mapping_->blocks()).begin_destroy(me, name, wanted);
    });
}

SharedCall SharedObjects::look(std::string_view name, const SharedType& type) const noexcept {
    if (!is_name(name)) return nothing(SharedNameState::bad_name);
    const Named named =
        Names(mapping_->blocks()).find(name, {type.hash, type.size, type.alignment});
    return {state_of(named.answer, SharedNameState::found), address_of(*mapping_, named.object),
            named.size, nullptr, 0};
}

void SharedObjects::commit(const SharedCall& call) const noexcept {
    Names(mapping_->blocks())
        .commit({NameAnswer::done, static_cast<Entry*>(call.entry), {call.ticket}, 0, call.size});
    release_slot(*mapping_);
}

void SharedObjects::cancel(const SharedCall& call) const noexcept {
    const Owner me = mapping_->enter();
    const Named mine{
        NameAnswer::done, static_cast<Entry*>(call.entry), {call.ticket}, 0, call.size};
    if (me.id != 0) Names(mapping_->blocks()).cancel(me, mine);
    release_slot(*mapping_);
}

void SharedObjects::each(const std::function<bool(const SharedName&)>& visitor) const {
    struct Context {
        const Mapping& mapping;
        const std::function<bool(const SharedName&)>& visitor;
    } context{*mapping_, visitor};
    const auto call = [](void* to, const NameView& view) {
        const Context& with = *static_cast<Context*>(to);
        return with.visitor(
            {view.name, address_of(with.mapping, view.object), view.size, view.type});
    };
    Names(mapping_->blocks()).visit(call, &context);
}

}  // namespace ashlar
