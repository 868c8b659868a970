#include "manager/notes.hpp"

#include <utility>

namespace ashlar::manager {

// The count is written under the lock, and read without it only by who knows already whether there is a note: relaxed.
void Notes::set_name(Offset block, std::string_view name) {
    std::string copy(name);
    const Guard guard(lock_);
    notes_[block].name.swap(copy);
    count_.store(notes_.size(), base::rlx);  // as above
}

void Notes::set_user(Offset block, std::uint64_t value) {
    const Guard guard(lock_);
    notes_[block].user = value;
    count_.store(notes_.size(), base::rlx);  // as above
}

std::string Notes::name(Offset block) const {
    const Guard guard(lock_);
    const auto found = notes_.find(block);
    return found == notes_.end() ? std::string() : found->second.name;
}

std::unordered_map<Offset, std::string> Notes::names() const {
    std::unordered_map<Offset, std::string> names;
    const Guard guard(lock_);
    for (const auto& [block, note] : notes_) {
        if (!note.name.empty()) names.emplace(block, note.name);
    }
    return names;
}

std::uint64_t Notes::user(Offset block) const noexcept {
    const Guard guard(lock_);
    const auto found = notes_.find(block);
    return found == notes_.end() ? 0 : found->second.user;
}

void Notes::erase(Offset block) noexcept {
    const Guard guard(lock_);
    notes_.erase(block);
    count_.store(notes_.size(), base::rlx);  // as above
}

void Notes::move(Offset from, Offset to) noexcept {
    if (!any()) return;
    const Guard guard(lock_);
    auto node = notes_.extract(from);
    if (node.empty()) return;
    node.key() = to;
    notes_.insert(std::move(node));  // there is room: one went
}

}  // namespace ashlar::manager
