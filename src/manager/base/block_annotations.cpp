#include "manager/base/block_annotations.hpp"

#include <new>
#include <utility>

namespace ashlar::manager {

// The count is written under the lock. A thread that reads it without the lock
// has the block, and is ordered after its annotations: relaxed.
void BlockAnnotations::set_name(Offset block, std::string_view name) {
    std::string copy(name);
    const Guard guard(lock_);
    std::string& old = annotations_[block].name;
    name_bytes_ += bytes_of(copy) - bytes_of(old);
    old.swap(copy);
    count_.store(annotations_.size(), base::rlx);  // relaxed: as above
}

void BlockAnnotations::set_user(Offset block, std::uint64_t value) {
    const Guard guard(lock_);
    annotations_[block].user = value;
    count_.store(annotations_.size(), base::rlx);  // relaxed: as above
}

std::string BlockAnnotations::name(Offset block) const {
    const Guard guard(lock_);
    const auto found = annotations_.find(block);
    return found == annotations_.end() ? std::string() : found->second.name;
}

std::unordered_map<Offset, std::string> BlockAnnotations::names() const {
    std::unordered_map<Offset, std::string> names;
    const Guard guard(lock_);
    for (const auto& [block, note] : annotations_) {
        if (!note.name.empty()) names.emplace(block, note.name);
    }
    return names;
}

std::uint64_t BlockAnnotations::user(Offset block) const noexcept {
    const Guard guard(lock_);
    const auto found = annotations_.find(block);
    return found == annotations_.end() ? 0 : found->second.user;
}

void BlockAnnotations::erase(Offset block) noexcept {
    const Guard guard(lock_);
    const auto found = annotations_.find(block);
    if (found == annotations_.end()) return;
    name_bytes_ -= bytes_of(found->second.name);
    annotations_.erase(found);
    count_.store(annotations_.size(), base::rlx);  // relaxed: as above
}

void BlockAnnotations::clear() noexcept {
    small_.clear();
    const Guard guard(lock_);
    annotations_.clear();
    name_bytes_ = 0;
    count_.store(0, base::rlx);  // relaxed: as above
}

Size BlockAnnotations::bytes_of(const std::string& name) noexcept {
    const Size inside = std::string().capacity();
    return name.capacity() > inside ? name.capacity() + 1 : 0;
}

// A node also has a link to the next one.
Size BlockAnnotations::metadata() const noexcept {
    using Node = std::pair<const Offset, Annotation>;
    const Guard guard(lock_);
    return annotations_.size() * (sizeof(Node) + sizeof(void*)) +
           annotations_.bucket_count() * sizeof(void*) + name_bytes_;
}

// Without memory for a smaller table the old one stays.
void BlockAnnotations::trim() noexcept {
    const Guard guard(lock_);
    if (annotations_.bucket_count() < 4 * annotations_.size() + 16) return;
    try {
        annotations_.rehash(0);
    } catch (const std::bad_alloc&) {
        return;
    }
}

void BlockAnnotations::move(Offset from, Offset to) noexcept {
    if (!any()) return;
    const Guard guard(lock_);
    auto node = annotations_.extract(from);
    if (node.empty()) return;
    node.key() = to;
    annotations_.insert(std::move(node));  // there is room: one went
}

}  // namespace ashlar::manager
