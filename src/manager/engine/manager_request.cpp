// Blocks by a BlockRequest: a strategy, annotations, and the kinds of blocks in
// one call.
#include <ashlar/manager_request.hpp>
#include <new>

#include "manager/engine/manager_inline.hpp"

namespace ashlar::manager {

namespace {

// Ranges that enter a tree of holes in one go under the lock.
constexpr std::uint32_t kSteps = 1024;

}  // namespace

// One request, on its way. Under the lock. All that others can see of a block
// is there before the lock is free.
class Manager::Requested {
  public:
    Requested(Manager& manager, const BlockRequest& request, Size size, Size alignment) noexcept
        : manager_(manager), request_(request), size_(size), alignment_(alignment),
          class_(request.movable || request.strategy != Strategy::by_policy
                     ? 0
                     : manager.small_.class_of(size, alignment)) {}

    [[nodiscard]] Class small() const noexcept { return class_; }
    // True: done, unless failed(). An exception must not leave it, since growth
    // calls it in the middle.
    [[nodiscard]] bool take() noexcept {
        Small& small = manager_.small_;
        if (class_ != 0) {
            SlabSource source{manager_};
            at_ = small.take_locked(thread_number(), class_, size_, source);
            if (at_ != kNoOffset) return adopt_small();
        }
        const bool may =
            manager_.within_budget(size_) && (!request_.movable || manager_.moves_.make_room());
        const RangeId block =
            may ? manager_.allocator_.take_by(request_.strategy, size_, alignment_) : no_range;
        if (block != no_range) return adopt(block);
        if (class_ != 0) at_ = small.take_larger(thread_number(), class_, size_, alignment_);
        return at_ != kNoOffset && adopt_small();
    }
    // No memory for an annotation; there is no block.
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] Block block() const noexcept { return {at_, handle_, size_}; }

  private:
    // False: no memory, and nothing has changed.
    [[nodiscard]] bool annotated(Offset at, bool user_beside) noexcept {
        BlockAnnotations& annotations = manager_.annotations_;
        try {
            if (!request_.name.empty()) annotations.set_name(at, request_.name);
            if (user_beside && request_.user_data != 0)
                annotations.set_user(at, request_.user_data);
            return true;
        } catch (...) {
            annotations.erase(at);
            return false;
        }
    }

    bool adopt(RangeId block) noexcept {
        Range& range = manager_.allocator_[block];
        at_ = range.start;
        failed_ = !annotated(at_, request_.movable);
        if (failed_) {
            manager_.allocator_.give(block);
            return true;
        }
        const bool beside = !request_.name.empty() || (request_.movable && request_.user_data != 0);
        if (beside) range.state |= ranges::kNamed;
        if (request_.root && !request_.movable) range.state |= ranges::kRoot;
        range.user = request_.user_data;
        manager_.collector_.allocated(block);
        manager_.count_allocation();
        if (request_.movable) {
            handle_ = manager_.moves_.adopt(block, alignment_);
            // Under the lock, since it may move.
            if (manager_.wipes()) manager_.wipe_now(at_, size_);
        }
        return true;
    }

    bool adopt_small() noexcept {
        failed_ = !annotated(at_, false);
        SmallAnnotations& annotations = manager_.annotations_.small();
        const std::size_t number = manager_.small_.number_of(at_);
        if (failed_) {
            static_cast<void>(manager_.small_.give(thread_number(), at_));
            return true;
        }
        if (request_.user_data != 0) annotations.set_user(number, request_.user_data);
        if (!request_.name.empty()) annotations.set_named(number);
        if (request_.root) manager_.small_.make_root(at_);
        manager_.count_allocation();
        return true;
    }

    Manager& manager_;
    const BlockRequest& request_;
    Size size_, alignment_;
    Class class_;
    Offset at_ = kNoOffset;
    Handle handle_;
    bool failed_ = false;
};

// Builds the tree of holes that a strategy needs, and lets others in between
// its steps.
bool Manager::take_prepared(Strategy strategy, Requested& requested) noexcept {
    for (;; lock_.let_others_in()) {
        const Guard guard(lock_);
        if (allocator_.prepare(strategy, kSteps)) return requested.take();
    }
}

Status Manager::allocate(const BlockRequest& request, Block& block) {
    Size size = request.size, alignment = request.alignment;
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) return refused(shaped);
    const bool noted = request.user_data != 0 || !request.name.empty();
    if (request.strategy == Strategy::by_policy && !noted && !request.movable) {
        block.handle = {};
        block.size = size;
        if (request.root) return allocate_root(size, alignment, block.offset);
        block.offset = allocate_alone(size, alignment);
        return block.offset != kNoOffset ? Status::ok : allocate(size, alignment, block.offset);
    }
    Requested requested(*this, request, size, alignment);
    if (requested.small() != 0) annotate_small();
    const auto take = [&requested] { return requested.take(); };
    if (!take_prepared(request.strategy, requested) && !take_again(size, alignment, take))
        return Status::no_room;
    if (requested.failed()) throw std::bad_alloc();
    block = requested.block();
    if (!request.movable && wipes()) wipe(block.offset, size);
    return Status::ok;
}

}  // namespace ashlar::manager
