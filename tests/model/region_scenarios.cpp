// Commits of a region (E38): by several threads at once, by a thread that stops
// inside, and while unused address space is given back.
#include "core/region/committed.hpp"
#include "fixture.hpp"

namespace {

using namespace interleave;
using ashlar::base::Atomic;
using ashlar::base::rlx;
using ashlar::base::UnitId;
using ashlar::base::Word;

struct CommittedLayer {
    static constexpr std::size_t kPerUnit = 512;  // an entry is a page
    void layout(ashlar::region::Carver& carver, const ashlar::region::Region& on) noexcept {
        region = on;
        wide = carver.table<Atomic<Word>>(region.end, 0, kPerUnit);
        narrow = carver.table<Atomic<Word>>(region.end, ashlar::base::kWordShift, kPerUnit);
    }
    [[nodiscard]] bool start(const ashlar::region::Tables& tables) noexcept {
        return committed.start(region, tables);
    }

    ashlar::region::Region region;
    ashlar::region::Committed committed;
    Atomic<Word>* wide;
    Atomic<Word>* narrow;
};

// Writes to units [0, end) and to their table entries.
class RegionScenario : public Scenario {
  public:
    explicit RegionScenario(UnitId units = 150) : units_(units) {}
    void set_up() override {
        layer_ = &lay<CommittedLayer>(units_, ashlar::base::kUnitSize);
        require(layer_->committed.end() == 4, "the first step has another size");
    }
    void end(unsigned) override { use(3, committed().end()); }

  protected:
    ashlar::region::Committed& committed() { return layer_->committed; }
    [[nodiscard]] std::uintptr_t address(UnitId unit) const { return layer_->region.address(unit); }
    // The page of the last byte of a unit's entry. Entries do not begin with
    // pages.
    [[nodiscard]] std::uintptr_t entry(UnitId unit) const { return last_page(layer_->wide, unit); }
    // The same for the entry of a group of 64 units in the other table.
    [[nodiscard]] std::uintptr_t words_of(std::uint32_t group) const {
        return last_page(layer_->narrow, group);
    }
    static std::uintptr_t last_page(const Atomic<Word>* table, std::uint32_t number) {
        const auto end =
            reinterpret_cast<std::uintptr_t>(table + (number + 1) * CommittedLayer::kPerUnit);
        return (end - 1) & ~(ashlar::region::page_size() - 1);
    }
    void use(unsigned thread, UnitId end) {
        for (UnitId unit = 1; unit < end; ++unit) {
            reinterpret_cast<std::uint32_t*>(address(unit))[thread] = 1;
            layer_->wide[unit * CommittedLayer::kPerUnit].store(unit, rlx);
            layer_->narrow[unit / ashlar::base::kWordBits * CommittedLayer::kPerUnit].store(unit,
                                                                                            rlx);
        }
    }
    void cover(unsigned thread, UnitId end) {
        if (committed().cover(end)) use(thread, end);
    }
    // A search of bits reads beyond the last unit.
    void read_beyond(UnitId end) {
        static_cast<void>(
            layer_->narrow[(end / ashlar::base::kWordBits + 1) * CommittedLayer::kPerUnit].load(
                rlx));
    }
    const UnitId units_;

  private:
    CommittedLayer* layer_ = nullptr;
};

// Two threads need more units at once, and a third uses units that are
// committed already.
struct Cover : RegionScenario {
    static constexpr UnitId kMany = 72;  // beyond the entries that the first step has committed
    Cover() { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 2) {
            const UnitId end = committed().end();
            use(thread, end);
            return read_beyond(end);
        }
        require(committed().cover(thread == 0 ? 6 : kMany), "there is enough");
        use(thread, thread == 0 ? 6 : kMany);
    }
    void end(unsigned stopped) override {
        require(committed().end() >= kMany && committed().end() <= kMany + 4,
                "the commit is less than requested, or more than a step");
        RegionScenario::end(stopped);
    }
};
const Enrolled<Cover> kCover{"region.cover"};

// A thread stops for ever while it commits: another one needs the same units
// and gets them.
struct CoverStopped : RegionScenario {
    CoverStopped() { may_freeze = true; }
    void run(unsigned thread) override {
        require(committed().cover(10), "there is enough");
        use(thread, 10);
    }
};
const Enrolled<CoverStopped> kCoverStopped{"region.cover_stopped"};

// Units are given back while others commit. Units that a thread has begun to
// commit stay, and no unit is committed after it was given back.
struct Shed : RegionScenario {
    Shed() { threads = 3; }
    void begin() override {
        system_refuses = {};
        system_refuses.map = true;
    }
    void run(unsigned thread) override {
        if (thread == 2) {
            committed().shed();
        } else {
            cover(thread, thread == 0 ? 6 : 70);
        }
    }
    void end(unsigned stopped) override {
        const UnitId limit = committed().limit();
        require(limit >= committed().end() && limit < units_, "nothing went back, or too much");
        for (UnitId unit = limit; unit <= units_; ++unit) {
            require(page_state(address(unit)) == PageState::free,
                    "released units are still mapped");
        }
        require(!committed().cover(limit + 1) && committed().cover(limit),
                "the limit is not the end of the reserved units");
        use(3, limit);
        read_beyond(limit);
        RegionScenario::end(stopped);
    }
};
const Enrolled<Shed> kShed{"region.shed"};

// The same twice, and one of the three threads stops for ever.
struct ShedStopped : Shed {
    ShedStopped() { may_freeze = true; }
    void run(unsigned thread) override {
        if (thread == 1) return cover(thread, 20);
        if (thread == 0) cover(thread, 6);
        committed().shed();
    }
    void end(unsigned stopped) override {
        if (stopped == 0) Shed::end(stopped);
        use(3, committed().end());
    }
};
const Enrolled<ShedStopped> kShedStopped{"region.shed_stopped"};

// Threads reserve units again that were given back (E40), while more are given
// back.
struct Reserve : RegionScenario {
    explicit Reserve(UnitId units = 150) : RegionScenario(units) { threads = 3; }
    void set_up() override {
        RegionScenario::set_up();
        require(committed().shed() && committed().limit() == 4, "nothing went back");
    }
    void begin() override { system_refuses = {}; }
    void run(unsigned thread) override {
        if (thread == 2) {
            committed().shed();
        } else {
            cover(thread, thread == 0 ? 6 : 70);
        }
    }
    void end(unsigned stopped) override {
        for (UnitId unit = committed().limit(); unit <= units_; ++unit) {
            require(page_state(address(unit)) == PageState::free,
                    "units beyond the limit are reserved");
        }
        if (stopped == 0)
            require(committed().cover(units_ + 1), "some units cannot be reserved again");
        RegionScenario::end(stopped);
    }
};
const Enrolled<Reserve> kReserve{"region.reserve"};

// Earlier reservations are released while a thread reserves more.
struct ReserveMore : Reserve {
    ReserveMore() : Reserve(180) { threads = 2; }
    void set_up() override {
        Reserve::set_up();
        require(committed().cover(6) && committed().limit() == 6 + 128,
                "the first reservation has another size");
    }
    void run(unsigned thread) override {
        if (thread == 0) return cover(thread, 140);
        committed().shed();
    }
};
const Enrolled<ReserveMore> kReserveMore{"region.reserve_more"};

// A thread stops for ever while it reserves: units that others got stay theirs.
struct ReserveStopped : Reserve {
    ReserveStopped() {
        threads = 2;
        may_freeze = true;
    }
    void run(unsigned thread) override { cover(thread, 10 + thread); }
    void end(unsigned stopped) override {
        if (stopped == 0) return Reserve::end(stopped);
        use(3, committed().end());
    }
};
const Enrolled<ReserveStopped> kReserveStopped{"region.reserve_stopped"};

// A fork cuts a thread that reserves. In the child the lock is free, and the
// incomplete reservation is released. At most its last part stays, which was
// not noted yet.
struct ReserveCut : Reserve {
    ReserveCut() {
        threads = 2;
        may_cut = true;
    }
    void run(unsigned thread) override { cover(thread, 10 + thread); }
    void end(unsigned) override {
        committed().adopt_fork();
        const UnitId limit = committed().limit();
        const bool units = limit <= units_ && page_state(address(limit)) != PageState::free;
        const bool entries =
            limit + 65 < units_ && page_state(entry(limit + 65)) != PageState::free;
        const bool words =
            limit < units_ && page_state(words_of(limit / 64 + 2)) != PageState::free;
        require(units + entries + words <= 1, "an incomplete reservation stays");
        // The cut thread may have held the spare range, which then stays.
        void* const spare = ashlar::region::kSystem.reserve(std::size_t{28} << 20);
        if (spare != nullptr) ashlar::region::kSystem.release(spare, std::size_t{28} << 20);
        const bool can = spare != nullptr && !units && !entries && !words;
        require(!can || committed().cover(units_ + 1), "the child cannot reserve");
        use(3, committed().end());
    }
};
const Enrolled<ReserveCut> kReserveCut{"region.reserve_cut"};

// Another thread maps a page at the address of a table entry: all parts are
// reserved, or none.
struct ReserveRefused : Reserve {
    ReserveRefused() { threads = 2; }
    void begin() override {
        Reserve::begin();
        mapped_ = false;
    }
    void run(unsigned thread) override {
        if (thread == 0) return cover(thread, 10);
        mapped_ =
            ashlar::region::kSystem.reserve_at(reinterpret_cast<void*>(entry(100)), page_size());
    }
    void end(unsigned) override {
        const UnitId limit = committed().limit();
        for (UnitId unit = limit; unit <= units_; ++unit) {
            const bool theirs = mapped_ && unit == 100;
            require(page_state(address(unit)) == PageState::free,
                    "units beyond the limit are reserved");
            require(theirs || unit < limit + 65 || page_state(entry(unit)) == PageState::free,
                    "entries beyond are reserved");
        }
        use(3, committed().end());
    }

  private:
    static std::size_t page_size() { return ashlar::region::page_size(); }
    bool mapped_ = false;
};
const Enrolled<ReserveRefused> kReserveRefused{"region.reserve_refused"};

// The system refuses the step and grants only the needed units, or refuses all.
struct Refused : RegionScenario {
    void begin() override { system_refuses = {}; }
    void run(unsigned thread) override {
        if (thread == 1) system_refuses.commit = true;
        cover(thread, 9);
        if (thread == 1) system_refuses.commit = false;
    }
    void end(unsigned stopped) override {
        RegionScenario::end(stopped);
        require(committed().cover(9), "a commit fails after the system grants it");
    }
};
const Enrolled<Refused> kRefused{"region.refused"};

}  // namespace
