// The members of MemoryManager for counters and the budget.
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager.hpp"

namespace ashlar {

ManagerCounters MemoryManager::counters() const noexcept { return manager_->counters(); }
void MemoryManager::reset_counters() noexcept { manager_->reset_counters(); }
void MemoryManager::set_budget(Size bytes) noexcept { manager_->set_budget(bytes); }
ManagerBudget MemoryManager::budget() const noexcept { return manager_->budget(); }

}  // namespace ashlar
