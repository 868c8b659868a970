// A sequence of operations on a shared heap by several threads, some of which
// are cut and die, and what the program knows of the blocks meanwhile.
#ifndef ASHLAR_TESTS_FUZZ_SHARED_SHARED_SESSION_HPP
#define ASHLAR_TESTS_FUZZ_SHARED_SHARED_SESSION_HPP

#include <map>
#include <set>
#include <string>
#include <vector>

#include "../input.hpp"
#include "shared_world.hpp"

namespace fuzz {

using ashlar::shared::Fault;
using ashlar::shared::Offset;

class SharedSession {
  public:
    SharedSession(SharedWorld& world, Input in) : world_(world), in_(in) {}
    void run();

  private:
    static constexpr std::size_t kPlaces = 8;
    static constexpr std::size_t kNames = 4;
    static constexpr std::size_t kMostHeld = 3000;

    struct Held {
        Offset start;
        std::size_t size;
        unsigned char stamp;  // what its bytes are
        bool is_written;
    };
    // A block whose free or resize was cut: live or free, until all threads
    // that were cut are recovered.
    struct Limbo {
        Offset start;
        std::size_t size, other_size;
    };
    struct Place {
        std::size_t size = 0;
        bool storing = false;  // an allocation into it was cut
        bool unsure = false;   // a call on it was cut
    };
    enum class Known { absent, ready, unsure };
    struct Name {
        Known known = Known::absent;
        std::size_t size = 0;
    };
    using Live = std::map<Offset, std::size_t>;

    void step();
    [[nodiscard]] SlotId choose_thread();
    [[nodiscard]] std::size_t choose_size();
    [[nodiscard]] std::size_t choose_cut();
    bool run(const std::function<void()>& operation) {
        return world_.run(thread_, cut_, operation);
    }
    // Nothing is expected of a damaged heap.
    void expect(bool fine, const char* what) const { require(fine || world_.damaged, what); }

    void allocate();
    void allocate_many();
    void deallocate();
    void deallocate_many();
    void deallocate_wrongly();
    void reallocate();
    void allocate_to();
    void deallocate_from();
    void recover();
    void leave();
    void trim();
    void use_name();
    void make_name(std::size_t index, std::size_t size);
    void find_name(std::size_t index, std::size_t size);
    void destroy_name(std::size_t index, std::size_t size);
    void settle();
    void damage();

    void hold(Offset start, std::size_t size);
    void look(const Held& held);
    [[nodiscard]] Held take_out(std::size_t at);
    [[nodiscard]] Offset place(std::size_t i) const { return table_ + i * sizeof(Word); }
    [[nodiscard]] Word word(Offset at) {
        return world_.blocks(1).word_at(at)->load(ashlar::base::rlx);
    }

    [[nodiscard]] Live live();
    [[nodiscard]] std::set<Offset> in_doubt();
    // Looks at all that is known. Returns the blocks that only the heap knows;
    // nothing while threads are cut.
    Live check();
    void check_places(Live& left);
    void check_names(Live& left);
    void check_limbo(Live& left);
    void know(Live& left, Offset start, std::size_t least, std::size_t most, const char* what);
    void end();
    void end_of_damaged();
    void require_room();
    void free_all();

    SharedWorld& world_;
    Input in_;
    bool may_damage_ = false;
    SlotId thread_ = 0;  // of this step
    std::size_t cut_ = 0;
    unsigned char stamp_ = 0;
    std::vector<Held> held_;
    std::vector<Limbo> limbo_;
    Offset table_ = 0;
    Place places_[kPlaces];
    Name names_[kNames];
    std::size_t unknown_ = 0;  // allocations that were cut: so many blocks may be in doubt
};

}  // namespace fuzz

#endif
