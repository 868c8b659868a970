// Members of SharedHeap that look at the whole heap, or repair it.
#include <ashlar/shared_heap.hpp>

#include <utility>

#include "base/bits.hpp"
#include "shared/api/check.hpp"
#include "shared/api/mapping.hpp"
#include "shared/api/survey.hpp"

namespace ashlar {

using base::kUnitShift;
using base::rlx;
using shared::Blocks;
using shared::Offset;
using shared::Owner;

void SharedHeap::visit(const std::function<bool(Block)>& each) const {
    const auto call = [](void* context, Offset block, std::size_t size) {
        return (*static_cast<const std::function<bool(Block)>*>(context))({block, size});
    };
    mapping_->blocks().visit(call, const_cast<std::function<bool(Block)>*>(&each));
}

// Complete slabs become free units first.
std::size_t SharedHeap::trim() noexcept {
    const Owner me = mapping_->enter();
    if (me.id == 0) return 0;
    mapping_->blocks().slabs().leave_spares(me);
    mapping_->blocks().slabs().retire(me, ~0U);
    return std::size_t{mapping_->blocks().runs().punch(me.id, ~0U)} << kUnitShift;
}

std::size_t SharedHeap::recover() noexcept {
    const Owner me = mapping_->enter();
    return me.id == 0 ? 0 : mapping_->recover(me);
}

void SharedHeap::on_death(std::function<void(pid_t process)> callback) {
    mapping_->on_death(std::move(callback));
}

std::vector<SharedDoubt> SharedHeap::doubts() const {
    std::vector<SharedDoubt> found;
    mapping_->doubts().each([&](Blocks::Found block) {
        found.push_back({block.start, block.size});
    });
    return found;
}

void SharedHeap::settle(std::uint64_t block) noexcept { mapping_->doubts().settle(block); }

std::vector<SharedProcess> SharedHeap::processes() const {
    std::vector<SharedProcess> found;
    std::vector<shared::Word> started;  // of each in `found`
    shared::each_thread(*mapping_, [&](const shared::Slot& slot) {
        // Relaxed, both: a thread may detach meanwhile.
        const auto id = static_cast<pid_t>(slot.process.load(rlx));
        const shared::Word start = slot.started.load(rlx);
        std::size_t at = 0;
        while (at < found.size() && (found[at].process != id || started[at] != start)) ++at;
        if (at == found.size()) {
            found.push_back({id, 0, 0, 0});
            started.push_back(start);
        }
        const shared::Kept kept = shared::kept_by(slot);
        ++found[at].threads;
        found[at].blocks += kept.blocks;
        found[at].bytes += kept.bytes;
    });
    return found;
}

std::size_t SharedHeap::check() const noexcept { return shared::Check(*mapping_).run(); }

SharedStatistics SharedHeap::statistics() const noexcept { return shared::survey(*mapping_); }

}  // namespace ashlar
