// The bitmap index: inserted ids are found, even while others clear summaries
// and if one thread stops for ever.
#include "base/bitmap_index.hpp"

#include "fixture.hpp"

namespace {

using namespace ashlar::base;
using interleave::Enrolled;
using interleave::require;
using interleave::Scenario;

class IndexScenario : public Scenario {
  public:
    explicit IndexScenario(std::uint32_t ids) : ids_(ids) { watches = true; }

    void set_up() override {
        index_ = &interleave::shared_object<BitmapIndex>();
        for (std::uint32_t level = 0; level < BitmapIndex::levels(ids_); ++level) {
            const std::size_t words = BitmapIndex::words_of_level(ids_, level);
            words_[level] =
                static_cast<Atomic<Word>*>(interleave::shared(words * sizeof(Word), 64));
            index_->attach(level, words_[level], 1);
        }
        for (std::uint32_t i = 0; i < first_count_; ++i) index_->insert(first_[i]);
    }
    void begin() override {
        for (Id& id : noted_) id = {};
        for (std::uint32_t i = 0; i < first_count_; ++i)
            note(first_[i]).inserted = note(first_[i]).finished = 1;
    }
    // P5: every summary covers each id whose insert has finished.
    void watch() override {
        for (const Id& id : noted_) {
            if (id.inserted == 0 || id.inserting != 0 || id.finished == 0 || !in_leaf(id.number))
                continue;
            std::uint32_t word = id.number / kWordBits;
            for (std::uint32_t level = 1; level < BitmapIndex::levels(ids_); ++level, word /= 32) {
                const Word summary = words_[level][word / 32].load(rlx);
                require(((summary | summary >> 32) >> word % 32 & 1) != 0,
                        "P5: a summary does not cover an id in the index");
            }
        }
    }
    // Every id in the index can be taken, and each was taken as often as it was
    // inserted.
    void end(unsigned stopped) override {
        watch();
        for (std::uint32_t id = index_->take_lowest(); id != BitmapIndex::kNone;
             id = index_->take_lowest())
            ++note(id).taken;
        for (const Id& id : noted_) {
            if (id.inserted == 0 && id.inserting == 0) continue;
            require(id.taken <= id.inserted + id.inserting, "I2: taken twice");
            require(id.inserting != 0 || !in_leaf(id.number), "in, and not found");
            require(stopped != 0 || id.taken == id.inserted, "lost");
        }
    }

  protected:
    void at_first(std::uint32_t id) { first_[first_count_++] = id; }
    void insert(std::uint32_t id) {
        ++note(id).inserting;
        index_->insert(id);
        --note(id).inserting;
        ++note(id).inserted;
        note(id).finished = 1;
    }
    std::uint32_t take() {
        const std::uint32_t id = index_->take_lowest();
        if (id != BitmapIndex::kNone) ++note(id).taken;
        return id;
    }
    BitmapIndex& index() { return *index_; }
    [[nodiscard]] bool in_leaf(std::uint32_t id) const {
        return (words_[0][id / kWordBits].load(rlx) >> id % kWordBits & 1) != 0;
    }

  private:
    struct Id {
        std::uint32_t number;
        unsigned inserting;  // the number of threads that are inserting it, stopped ones included
        unsigned inserted;
        unsigned taken;
        unsigned finished;
    };
    Id& note(std::uint32_t id) {
        for (Id& each : noted_) {
            if (each.number == id || (each.inserted == 0 && each.inserting == 0)) {
                each.number = id;
                return each;
            }
        }
        interleave::fail("too many ids for this scenario");
    }

    std::uint32_t ids_;
    BitmapIndex* index_ = nullptr;
    Atomic<Word>* words_[BitmapIndex::kMaxLevels];
    std::uint32_t first_[4];
    std::uint32_t first_count_ = 0;
    Id noted_[8];
};

// Two levels; one thread inserts, the other takes.
struct InsertTake : IndexScenario {
    InsertTake() : IndexScenario(128) {}
    void run(unsigned thread) override {
        if (thread == 0) {
            insert(70);
            insert(3);
        } else {
            for (int i = 0; i < 3; ++i) take();
        }
    }
};
const Enrolled<InsertTake> kInsertTake{"index.insert_take"};

// One leaf becomes empty and is filled again while its summary is cleared.
struct Refilled : IndexScenario {
    Refilled() : IndexScenario(128) {
        threads = 3;
        at_first(5);
    }
    void run(unsigned thread) override {
        if (thread == 0) take();
        if (thread == 1) insert(6);
        if (thread == 2) {
            take();
            insert(7);
        }
    }
};
const Enrolled<Refilled> kRefilled{"index.refilled"};

// The same, and a thread may stop anywhere for ever: takes still find the ids
// of others, and none waits.
struct RefilledStopped : Refilled {
    RefilledStopped() { may_freeze = true; }
};
const Enrolled<RefilledStopped> kRefilledStopped{"index.refilled_stopped"};

// A thread stops before it sets the summaries: a later insert into the same
// leaf must not rely on it.
struct InsertStopped : IndexScenario {
    InsertStopped() : IndexScenario(4096) { may_freeze = true; }
    void run(unsigned thread) override {
        if (thread == 0) insert(2100);
        if (thread == 1) {
            insert(2101);
            take();
            take();
        }
    }
};
const Enrolled<InsertStopped> kInsertStopped{"index.insert_stopped"};

// Three levels: a clear that goes up meets an insert that goes up.
struct Deep : IndexScenario {
    Deep() : IndexScenario(4096) {
        threads = 3;
        at_first(0);
        at_first(2100);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take();
            take();
        }
        if (thread == 1) insert(2150);
        if (thread == 2) insert(33 * 64);
    }
};
const Enrolled<Deep> kDeep{"index.deep"};

struct DeepStopped : Deep {
    DeepStopped() { may_freeze = true; }
};
const Enrolled<DeepStopped> kDeepStopped{"index.deep_stopped"};

// One id is inserted again and again, and also removed by its number.
struct Again : IndexScenario {
    Again() : IndexScenario(128) { at_first(9); }
    void run(unsigned thread) override {
        for (int i = 0; i < 2; ++i) {
            const std::uint32_t id = take();
            if (id != BitmapIndex::kNone) insert(id + thread);
        }
    }
};
const Enrolled<Again> kAgain{"index.again"};

// Leaf bits as the truth: the thread that clears a bit owns its unit, and sees
// all that was written there.
class Masks : public Scenario {
  public:
    Masks() { threads = 3; }
    void set_up() override {
        index_ = &interleave::shared_object<BitmapIndex>();
        for (std::uint32_t level = 0; level < BitmapIndex::levels(kIds); ++level) {
            index_->attach(level, static_cast<Atomic<Word>*>(interleave::shared(64, 64)), 1);
        }
        data_ = static_cast<std::uint64_t*>(interleave::shared(kIds * sizeof(std::uint64_t), 64));
        require(index_->give_mask(0, 0b0110) == 0 && index_->give_mask(1, 0b1) == 0, "set-up");
    }
    void run(unsigned thread) override {
        for (int i = 0; i < 2; ++i) {
            for (std::uint32_t word = index_->next_word(0, 2); word < 2;
                 word = index_->next_word(word + 1, 2)) {
                const Word got = index_->take_mask(word, word == 0 ? 0b0010U << (thread & 1) : 1);
                for (Word left = got; left != 0; left &= left - 1)
                    ++data_[word * kWordBits + lowest(left)];
                if (got != 0) require(index_->give_mask(word, got) == 0, "given twice");
            }
        }
    }
    void end(unsigned) override {
        require(index_->leaf_word(0) == 0b0110 && index_->leaf_word(1) == 0b1, "a bit was lost");
        require(
            index_->take_lowest() == 1 && index_->take_lowest() == 2 && index_->take_lowest() == 64,
            "not found");
    }

  private:
    static constexpr std::uint32_t kIds = 128;
    BitmapIndex* index_ = nullptr;
    std::uint64_t* data_ = nullptr;
};
const Enrolled<Masks> kMasks{"index.masks"};

}  // namespace
