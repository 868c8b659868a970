// Forks. The thread that forks takes the locks of all managers first, and stops
// small blocks: so the child finds every manager between two operations. There
// it ends what the other threads were about to do in several steps: a cycle, a
// pass, growth.
#include <pthread.h>

#include <new>

#include "manager/base/backoff.hpp"
#include "manager/engine/manager.hpp"

namespace ashlar::manager {

namespace {

constinit base::TryLock list_lock{};  // protects what follows, and the links between managers
constinit Manager* first_manager = nullptr;
constinit bool hooked = false;

void lock_list() noexcept {
    for (Backoff holder; !list_lock.try_lock();) holder.wait();
}

// False: it takes long. Its holder may wait for the list, to make a manager in
// a callback.
bool hold_soon(Manager& manager) noexcept {
    constexpr unsigned kTries = 16;
    Backoff holder;
    for (unsigned i = 0; i < kTries; ++i, holder.wait()) {
        if (manager.try_hold()) return true;
    }
    return false;
}

// A visitor of one manager may use another one, so a thread that waits for one
// must hold none.
bool hold_all() noexcept {
    for (Manager* awaited = first_manager; awaited != nullptr;) {
        if (!hold_soon(*awaited)) return false;
        Manager* busy = first_manager;
        while (busy != nullptr && (busy == awaited || busy->try_hold())) busy = busy->next();
        if (busy == nullptr) return true;
        for (Manager* held = first_manager; held != busy; held = held->next()) {
            if (held != awaited) held->let_go();
        }
        awaited->let_go();
        awaited = busy;
    }
    return true;
}

void before_fork() noexcept {
    for (Backoff callbacks;; callbacks.wait()) {
        lock_list();
        if (hold_all()) break;
        list_lock.leave();
    }
    for (Manager* manager = first_manager; manager != nullptr; manager = manager->next())
        manager->freeze();
}

void in_parent() noexcept {
    for (Manager* manager = first_manager; manager != nullptr; manager = manager->next()) {
        manager->thaw();
        manager->let_go();
    }
    list_lock.leave();
}

void in_child() noexcept {
    take_back_thread_numbers();
    for (Manager* manager = first_manager; manager != nullptr; manager = manager->next())
        manager->continue_in_child();
    list_lock.leave();
}

}  // namespace

void Manager::enlist() {
    lock_list();
    hooked = hooked || pthread_atfork(before_fork, in_parent, in_child) == 0;
    if (hooked) {
        next_ = first_manager;
        if (next_ != nullptr) next_->last_ = this;
        first_manager = this;
    }
    list_lock.leave();
    if (!hooked) throw std::bad_alloc();
}

void Manager::delist() noexcept {
    lock_list();
    if (next_ != nullptr) next_->last_ = last_;
    (last_ != nullptr ? last_->next_ : first_manager) = next_;
    list_lock.leave();
}

// A manager for one thread is in the hands of the thread that forks, or nobody
// can stop it.
void Manager::freeze() noexcept {
    annotations_.lock().lock();
    if (has_small() && options_.threads == Threads::many) small_.freeze();
}

void Manager::thaw() noexcept {
    if (has_small() && options_.threads == Threads::many) small_.thaw();
    annotations_.lock().unlock();
}

void Manager::continue_in_child() noexcept {
    thaw();
    annotations_.lock().forget_waiters();
    if (!grows_here()) {
        grower_.store(nullptr, base::rlx);  // relaxed: there is one thread
        growth_.reset();
    }
    collector_.continue_in_child();
    collector_thread_.continue_in_child();
    lock_.forget_waiters();
    let_go();
    moves_.continue_in_child();
}

}  // namespace ashlar::manager
