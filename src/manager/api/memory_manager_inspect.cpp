// The members of MemoryManager that look at it.
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager.hpp"

namespace ashlar {

ManagerStatistics MemoryManager::statistics() const noexcept { return manager_->statistics(); }

ManagerHistograms MemoryManager::histograms() const { return manager_->snapshot().histograms(); }

void MemoryManager::for_each(const std::function<bool(const BlockView&)>& visitor) const {
    manager::Parts parts;
    while (manager_->next_parts(parts)) {
        for (const BlockView& view : parts.views) {
            if (!visitor(view)) return;
        }
    }
}

std::size_t MemoryManager::check(std::ostream* out) const { return manager_->check(out); }
const char* MemoryManager::policy_name() const noexcept { return manager_->policy().name(); }

}  // namespace ashlar
