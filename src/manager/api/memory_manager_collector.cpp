// The members of MemoryManager that are about collecting blocks.
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager.hpp"

namespace ashlar {

namespace {

void prepare(manager::Manager& manager, const ReferenceVisitor& visitor, const char* member) {
    if (manager.holder() == nullptr)
        throw NoMemory(std::string(member) + ": the manager was moved to another object");
    if (visitor) return;
    if (manager.buffer().kind() != manager::Buffer::Kind::none) return manager.wipe_from_now_on();
    throw NoMemory(
        std::string(member) +
        ": the manager is without memory to look for references in, and there is no visitor");
}

}  // namespace

CollectionStatistics MemoryManager::collect(std::span<const Offset> roots,
                                            const ReferenceVisitor& visitor) {
    prepare(*manager_, visitor, "collect");
    manager_->refuse_in_callback("collect");
    manager::Collector::Cycle cycle;
    cycle.roots = roots;
    cycle.visitor = visitor ? &visitor : nullptr;
    return manager_->collector().run(cycle);
}

std::vector<BlockView> MemoryManager::find_leaks(std::span<const Offset> roots,
                                                 const ReferenceVisitor& visitor) {
    prepare(*manager_, visitor, "find_leaks");
    manager_->refuse_in_callback("find_leaks");
    std::vector<BlockView> leaks;
    manager::Collector::Cycle cycle;
    cycle.roots = roots;
    cycle.visitor = visitor ? &visitor : nullptr;
    cycle.leaks = &leaks;
    manager_->collector().run(cycle);
    return leaks;
}

void MemoryManager::start_collector(CollectorOptions options) {
    prepare(*manager_, options.visitor, "start_collector");
    if (manager_->options().threads == Threads::one) {
        throw ManagerError(Status::one_thread,
                           "start_collector: the manager is for one thread only (Threads::one)");
    }
    if (!options.roots) {
        throw ManagerError(Status::no_roots,
                           "start_collector: without roots every block would be freed");
    }
    manager_->refuse_in_callback("start_collector");
    manager_->collector_thread().start(std::move(options));
}

void MemoryManager::stop_collector() {
    manager_->refuse_in_callback("stop_collector");
    manager_->collector_thread().stop();
}

CollectionStatistics MemoryManager::last_collection() const noexcept {
    return manager_->collector().last();
}

}  // namespace ashlar
