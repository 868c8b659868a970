#include "auditor.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>

namespace auditor {
namespace {

class Judge {
  public:
    explicit Judge(Verdict& verdict) : verdict_(verdict) {}

    void find(Fault fault, const Event& first, const Event& second = {}) {
        ++verdict_.faults;
        if (verdict_.findings.size() < kMost) verdict_.findings.push_back({fault, first, second});
    }

    // Records the bytes that certainly have this holder from now on.
    void held_from_here(const Event& event) {
        const std::uintptr_t end = event.address + std::max<std::size_t>(event.size, 1);
        auto next = held_.lower_bound(event.address);
        if (next != held_.begin()) {
            const Event& before = std::prev(next)->second;
            if (before.address + std::max<std::size_t>(before.size, 1) > event.address) {
                find(Fault::handed_out_twice, before, event);
            }
        }
        for (; next != held_.end() && next->first < end; next = held_.erase(next)) {
            find(Fault::handed_out_twice, next->second, event);
        }
        held_.insert_or_assign(event.address, event);
    }
    void held_to_here(const Event& event) {
        const auto place = held_.find(event.address);
        if (place == held_.end()) return find(Fault::freed_by_nobody, event);
        held_.erase(place);
    }
    [[nodiscard]] std::size_t held() const { return held_.size(); }

  private:
    Verdict& verdict_;
    std::map<std::uintptr_t, Event> held_;
};

// Something that happens at a moment of the sweep.
struct Moment {
    Tick at;
    std::uint32_t event;
    bool begin;
};

std::vector<Moment> moments_of(const std::vector<Event>& events) {
    std::vector<Moment> moments;
    moments.reserve(2 * events.size());
    for (std::uint32_t i = 0; i < events.size(); ++i) {
        moments.push_back({events[i].begin, i, true});
        moments.push_back({events[i].end, i, false});
    }
    std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
        return a.at != b.at ? a.at < b.at : a.begin > b.begin;
    });
    return moments;
}

// Bytes perhaps held, over time: a question for the most of them since some
// moment needs only the falling stairs seen from now.
class Stairs {
  public:
    void change(Tick at, std::size_t add, std::size_t take_away) {
        now_ = now_ + add - take_away;
        for (; !steps_.empty() && steps_.back().held <= now_; steps_.pop_back())
            at = steps_.back().since;
        steps_.push_back({at, now_});
    }
    // The most at any moment from `from` to now.
    [[nodiscard]] std::size_t most_since(Tick from) const {
        auto step = std::upper_bound(steps_.begin(), steps_.end(), from,
                                     [](Tick t, const Step& s) { return t < s.since; });
        if (step != steps_.begin()) --step;
        return step == steps_.end() ? 0 : step->held;
    }

  private:
    struct Step {
        Tick since;  // from here to the next step this is the maximum so far
        std::size_t held;
    };
    std::vector<Step> steps_;
    std::size_t now_ = 0;
};

}  // namespace

const char* name_of(Fault fault) noexcept {
    switch (fault) {
        case Fault::handed_out_twice: return "handed out twice";
        case Fault::freed_by_nobody: return "freed without a holder";
        case Fault::refused_with_room: return "refused while memory was free";
        case Fault::backwards: return "ended before it began";
    }
    return "";
}

std::string describe(const Finding& finding) {
    std::ostringstream text;
    const auto event = [&text](const Event& e) {
        text << (e.op == Op::take ? "take " : "give ") << e.size << " bytes at 0x" << std::hex
             << e.address << std::dec << " in [" << e.begin << ", " << e.end << "]";
    };
    text << name_of(finding.fault) << ": ";
    event(finding.first);
    if (finding.fault == Fault::handed_out_twice) {
        text << " and ";
        event(finding.second);
    }
    return text.str();
}

Verdict audit_logs(const std::vector<const Log*>& logs, const Bounds& bounds) {
    std::vector<Event> all;
    std::size_t count = 0;
    for (const Log* log : logs) count += log->events().size();
    all.reserve(count);
    for (const Log* log : logs) all.insert(all.end(), log->events().begin(), log->events().end());
    return audit(std::move(all), bounds);
}

Verdict audit(std::vector<Event> events, const Bounds& bounds) {
    Verdict verdict;
    verdict.least_at_refusal = std::numeric_limits<std::size_t>::max();
    Judge judge(verdict);
    Stairs perhaps;
    for (const Event& event : events) {
        if (event.end <= event.begin) judge.find(Fault::backwards, event);
    }
    if (verdict.faults != 0) return verdict;
    for (const Moment& moment : moments_of(events)) {
        const Event& event = events[moment.event];
        const bool refused = event.op == Op::take && event.address == 0;
        if (refused && !moment.begin) {
            ++verdict.refusals;
            const std::size_t most = perhaps.most_since(event.begin);
            verdict.least_at_refusal = std::min(verdict.least_at_refusal, most);
            if (bounds.capacity != 0 && most + event.size + bounds.slack < bounds.capacity) {
                judge.find(Fault::refused_with_room, event);
            }
        } else if (!refused && event.op == Op::take) {
            if (moment.begin) {
                perhaps.change(moment.at, event.size, 0);
            } else {
                ++verdict.takes;
                judge.held_from_here(event);
            }
        } else if (!refused) {
            if (moment.begin) {
                ++verdict.gives;
                judge.held_to_here(event);
            } else {
                perhaps.change(moment.at, 0, event.size);
            }
        }
    }
    verdict.held_at_end = judge.held();
    return verdict;
}

}  // namespace auditor
