#include "explorer.hpp"

#include <algorithm>

namespace interleave {

namespace {
bool holds(unsigned set, unsigned thread) { return (set >> thread & 1U) != 0; }
// Whether thread t can go on after the current one died: itself stands for
// nobody.
bool is_next(const Turn& turn, unsigned t) {
    const unsigned others = turn.runnable & ~(1U << turn.current);
    return others == 0 ? t == turn.current : holds(others, t);
}
}  // namespace

// ------------------------------------------------------------------ exhaustive

bool Exhaustive::next() {
    depth_ = 0;
    spent_ = {};
    if (!begun_) return begun_ = true;
    while (!path_.empty() && path_.back().chosen + 1U == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().chosen;
    return true;
}

unsigned Exhaustive::pick(unsigned options) {
    if (options == 1) return 0;
    if (depth_ == path_.size()) path_.push_back({0, static_cast<std::uint16_t>(options)});
    return path_[depth_++].chosen;
}

Move Exhaustive::turn(const Turn& turn) {
    Move moves[3 * kMaxThreads + 2];
    unsigned count = 0;
    if (!turn.finished) moves[count++] = {turn.current, Act::run};
    const bool may_spend = spent_.switches < bounds_.switches;
    const bool may_leave = turn.finished || (turn.may_switch && may_spend);
    for (unsigned t = 0; t < kMaxThreads && may_leave; ++t) {
        if (t != turn.current && holds(turn.runnable, t)) moves[count++] = {t, Act::run};
        if (turn.finished && t == turn.current && holds(turn.runnable, t))
            moves[count++] = {t, Act::run};
    }
    for (unsigned t = 0; t < kMaxThreads && may_leave && turn.may_freeze; ++t) {
        if (t != turn.current && holds(turn.runnable, t)) moves[count++] = {t, Act::freeze};
    }
    for (unsigned t = 0; t < kMaxThreads && may_spend && turn.may_die; ++t) {
        if (is_next(turn, t)) moves[count++] = {t, Act::die};
    }
    if (turn.may_cut) moves[count++] = {turn.current, Act::cut};
    const Move move = moves[pick(count)];
    if (!turn.finished && move.act != Act::cut &&
        (move.act == Act::die || move.thread != turn.current))
        ++spent_.switches;
    return move;
}

unsigned Exhaustive::age(std::uint32_t, unsigned readable) {
    if (spent_.old == bounds_.old) return 0;
    const unsigned chosen = pick(readable);
    if (chosen != 0) ++spent_.old;
    return chosen;
}

// ---------------------------------------------------------------------- random

Random::Random(std::uint64_t seed, std::uint32_t usual_steps)
    : state_(seed * 0x9e3779b97f4a7c15U + 1), by_priority_(seed % 2 == 1) {
    constexpr std::uint64_t kSwitch[] = {2, 5, 15, 50};
    constexpr std::uint64_t kOld[] = {2, 6, 20, ~std::uint64_t{0}};
    switch_rate_ = kSwitch[draw() % 4];
    old_rate_ = kOld[draw() % 4];
    const std::uint32_t steps = std::max(usual_steps, 1U);
    stop_step_ = one_in(2) ? draw() % steps : ~std::uint64_t{0};
    for (std::uint64_t i = draw() % 5; i > 0; --i)
        changes_.push_back(static_cast<std::uint32_t>(draw() % steps));
    for (unsigned t = 0; t < kMaxThreads; ++t)
        priority_[t] = 1000 + static_cast<unsigned>(draw() % 1000) * kMaxThreads + t;
    lowest_ = 999;
    const std::uint64_t after = state_;  // the deaths change no walk without deaths
    death_step_[0] = one_in(8) ? ~std::uint64_t{0} : draw() % steps;
    death_step_[1] = one_in(2) ? draw() % steps : ~std::uint64_t{0};
    state_ = after;
}

// Splitmix.
std::uint64_t Random::draw() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

unsigned Random::some(unsigned set) {
    for (;;) {
        const auto thread = static_cast<unsigned>(draw() % kMaxThreads);
        if (holds(set, thread)) return thread;
    }
}

unsigned Random::first_by_priority(unsigned set) const {
    unsigned best = static_cast<unsigned>(__builtin_ctz(set));
    for (unsigned t = 0; t < kMaxThreads; ++t) {
        if (holds(set, t) && priority_[t] > priority_[best]) best = t;
    }
    return best;
}

Move Random::turn(const Turn& turn) {
    if (turn.step >= stop_step_ && !turn.finished) {
        if (turn.may_cut) return {turn.current, Act::cut};
        if (turn.may_freeze && !stops_) {
            stops_ = true;
            return {some(turn.runnable & ~(1U << turn.current)), Act::freeze};
        }
    }
    for (std::uint64_t& step : death_step_) {
        if (!turn.may_die || turn.step < step) continue;
        step = ~std::uint64_t{0};
        const unsigned others = turn.runnable & ~(1U << turn.current);
        return {others == 0 ? turn.current : some(others), Act::die};
    }
    if (!turn.may_switch && !turn.finished) return {turn.current, Act::run};
    if (!by_priority_)
        return {turn.finished || one_in(switch_rate_) ? some(turn.runnable) : turn.current,
                Act::run};
    if (!turn.finished && std::find(changes_.begin(), changes_.end(), turn.step) != changes_.end())
        priority_[turn.current] = lowest_--;
    return {first_by_priority(turn.runnable), Act::run};
}

unsigned Random::age(std::uint32_t, unsigned readable) {
    return one_in(old_rate_) ? static_cast<unsigned>(draw() % readable) : 0;
}

// ---------------------------------------------------------------------- replay

const Deviation* Replay::at(std::uint32_t step, bool old) const {
    for (const Deviation& each : schedule_) {
        if (each.step == step && (each.kind == 'o') == old) return &each;
    }
    return nullptr;
}

Move Replay::turn(const Turn& turn) {
    const Deviation* here = at(turn.step, false);
    if (here == nullptr)
        return {turn.finished ? static_cast<unsigned>(__builtin_ctz(turn.runnable)) : turn.current,
                Act::run};
    if (here->kind == 'c') return {turn.current, Act::cut};
    return {here->value, here->kind == 'f' ? Act::freeze : here->kind == 'd' ? Act::die : Act::run};
}

unsigned Replay::age(std::uint32_t step, unsigned readable) {
    const Deviation* here = at(step, true);
    return here != nullptr && here->value < readable ? here->value : 0;
}

}  // namespace interleave
