// Named objects as one thread sees them.
#include <ashlar/shared_objects.hpp>

#include <array>
#include <cstring>
#include <set>
#include <string>

#include "shared/api/mapping.hpp"
#include "shared/names/names.hpp"
#include "unit/shared/names/heap_fixture.hpp"

namespace {

using ashlar::SharedName;
using ashlar::SharedNameError;
using ashlar::SharedNameState;
using ashlar::SharedObjects;

class Names : public HeapFixture {
  protected:
    explicit Names(std::size_t limit = std::size_t{1} << 28) : HeapFixture(limit) {}
    [[nodiscard]] std::set<std::string> ready() const {
        std::set<std::string> found;
        objects_.each([&](const SharedName& name) {
            EXPECT_TRUE(found.emplace(name.name).second) << name.name;
            return true;
        });
        return found;
    }
    SharedObjects objects_{heap_};
};
using Construct = Names;
using Find = Names;
using FindOrConstruct = Names;
using Destroy = Names;
using Each = Names;

struct Point {
    Point(int x_, int y_) : x(x_), y(y_) {}
    int x, y;
};
struct Other {
    double value;
};
struct Counted {
    explicit Counted(int& alive) : alive_(alive) { ++alive_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --alive_; }
    int& alive_;
};
struct Throwing {
    explicit Throwing(bool does) {
        if (does) throw 7;
    }
    char bytes[100] = {};
};

TEST_F(Construct, GivesAnObjectThatFindReturns) {
    const auto made = objects_.construct<Point>("origin")(3, 4);
    ASSERT_TRUE(made);
    EXPECT_EQ(made.state(), SharedNameState::constructed);
    EXPECT_EQ(made->x, 3);
    EXPECT_TRUE(heap_.owns(made.get()));
    const auto found = objects_.find<Point>("origin");
    EXPECT_EQ(found.state(), SharedNameState::found);
    EXPECT_EQ(found.get(), made.get());
    EXPECT_EQ(found.value().y, 4);
}

TEST_F(Construct, RefusesANameThatHasAnObject) {
    const auto made = objects_.construct<Point>("origin")(3, 4);
    const auto again = objects_.construct<Point>("origin")(5, 6);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.state(), SharedNameState::exists);
    EXPECT_EQ(again.found_size(), sizeof(Point));
    EXPECT_EQ(made->x, 3);
    EXPECT_EQ(objects_.construct<Other>("origin")().state(), SharedNameState::exists);
}

// Recovery would free it.
TEST_F(Construct, LeavesNoEntryInTheSlot) {
    ASSERT_TRUE(objects_.construct<Point>("origin")(3, 4));
    EXPECT_EQ(heap_.mapping()->enter().slot.entry.load(ashlar::base::rlx), 0u);
}

TEST_F(Construct, ALaterOneReusesTheEntryOfTheName) {
    static_cast<void>(objects_.construct<Point>("origin")(3, 4));
    const std::size_t before = blocks();
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(objects_.destroy<Point>("origin"), SharedNameState::destroyed);
        EXPECT_EQ(objects_.construct<Other>("origin")().state(), SharedNameState::constructed);
        EXPECT_EQ(objects_.destroy<Other>("origin"), SharedNameState::destroyed);
        ASSERT_EQ(objects_.construct<Point>("origin")(i, 4).value().x, i);
    }
    EXPECT_EQ(blocks(), before);
}

TEST_F(Construct, AThrowingConstructorLeavesTheNameAbsent) {
    EXPECT_THROW(static_cast<void>(objects_.construct<Throwing>("x")(true)), int);
    EXPECT_EQ(objects_.find<Throwing>("x").state(), SharedNameState::absent);
    EXPECT_EQ(blocks(), 1u) << "the name's entry";
    EXPECT_TRUE(objects_.construct<Throwing>("x")(false));
    EXPECT_THROW(static_cast<void>(objects_.find_or_construct<Throwing>("y")(true)), int);
    EXPECT_EQ(ready(), std::set<std::string>{"x"});
}

TEST_F(Construct, AConstructorMayConstructOthers) {
    struct Outer {
        explicit Outer(const SharedObjects& objects)
            : inner(objects.construct<Point>("inner")(1, 2).get()) {
            own_name = objects.construct<Outer>("outer")(objects).state();
            own_find = objects.find<Outer>("outer").state();
        }
        Point* inner;
        SharedNameState own_name, own_find;
    };
    const auto made = objects_.construct<Outer>("outer")(objects_);
    EXPECT_EQ(made.value().inner, objects_.find<Point>("inner").get());
    EXPECT_EQ(made->own_name, SharedNameState::busy);
    EXPECT_EQ(made->own_find, SharedNameState::busy);
}

TEST_F(Construct, AlignsTheObject) {
    struct alignas(4096) Page {
        char bytes[4096];
    };
    for (const char* name : {"a", "b", "c"}) {
        const auto made = objects_.construct<Page>(name)();
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made.get()) % 4096, 0u);
        EXPECT_EQ(objects_.find<Page>(name).get(), made.get());
    }
}

TEST_F(Construct, TakesLargeObjects) {
    using Large = std::array<char, 300'000>;
    EXPECT_TRUE(objects_.construct<Large>("large")());
    EXPECT_TRUE(objects_.find<Large>("large"));
    EXPECT_EQ(objects_.destroy<Large>("large"), SharedNameState::destroyed);
    EXPECT_EQ(blocks(), 1u);
    EXPECT_EQ(heap_.check(), 0u);
}

class FullHeap : public Names {
  protected:
    FullHeap() : Names(std::size_t{4} << 16) {}
};

TEST_F(FullHeap, ConstructSaysSoAndLeavesTheNameAbsent) {
    static_cast<void>(objects_.construct<Point>("known")(1, 2));
    EXPECT_EQ(objects_.destroy<Point>("known"), SharedNameState::destroyed);
    while (heap_.allocate(64) != nullptr) {
    }
    while (heap_.allocate(1) != nullptr) {
    }
    EXPECT_EQ(objects_.construct<Point>("known")(1, 2).state(), SharedNameState::no_room);
    EXPECT_EQ(objects_.construct<Point>("new")(1, 2).state(), SharedNameState::no_room);
    EXPECT_EQ(objects_.find<Point>("known").state(), SharedNameState::absent);
    EXPECT_THROW(static_cast<void>(objects_.construct<Point>("known")(1, 2).value()),
                 SharedNameError);
}

TEST_F(FullHeap, ConstructUsesTheMemoryOfTheDead) {
    die_with(4);
    EXPECT_TRUE(objects_.construct<Point>("new")(1, 2));
}

TEST_F(Find, ReturnsAbsentForAnUnknownName) {
    EXPECT_EQ(objects_.find<Point>("x").state(), SharedNameState::absent);
    EXPECT_EQ(blocks(), 0u) << "a question makes no entry";
    try {
        static_cast<void>(objects_.find<Point>("x").value());
        ADD_FAILURE();
    } catch (const SharedNameError& error) {
        EXPECT_EQ(error.state(), SharedNameState::absent);
        EXPECT_NE(std::strstr(error.what(), "\"x\": no object has the name"), nullptr)
            << error.what();
    }
}

TEST_F(Find, RefusesAnotherTypeOfOneSize) {
    static_assert(sizeof(Point) == sizeof(Other));
    static_cast<void>(objects_.construct<Point>("origin")(3, 4));
    const auto found = objects_.find<Other>("origin");
    EXPECT_EQ(found.state(), SharedNameState::other_type);
    EXPECT_EQ(found.found_size(), sizeof(Point));
    EXPECT_EQ(objects_.find_or_construct<Other>("origin")().state(), SharedNameState::other_type);
    EXPECT_EQ(objects_.destroy<Other>("origin"), SharedNameState::other_type);
    try {
        static_cast<void>(found.value());
        ADD_FAILURE();
    } catch (const SharedNameError& error) {
        EXPECT_NE(std::strstr(error.what(), "another type of 8 bytes; expected type"), nullptr)
            << error.what();
    }
}

TEST_F(Find, RefusesADamagedEntry) {
    static_cast<void>(objects_.construct<Point>("origin")(3, 4));
    ashlar::shared::Names names(heap_.mapping()->blocks());
    ashlar::shared::Entry* entry = nullptr;
    for (std::uint32_t bucket = 0; bucket < ashlar::shared::kBuckets; ++bucket) {
        names.each_entry(bucket,
                         [&](ashlar::shared::Entry& found, ashlar::shared::Offset) noexcept {
                             entry = &found;
                             return true;
                         });
    }
    ASSERT_NE(entry, nullptr);
    const std::uint64_t object_of_entry = entry->object.load(ashlar::base::rlx);
    for (const std::uint64_t object :
         {std::uint64_t{8}, ~std::uint64_t{0}, std::uint64_t{1} << 62}) {
        entry->object.store(object, ashlar::base::rlx);
        EXPECT_FALSE(objects_.find<Point>("origin"));
        EXPECT_TRUE(ready().empty());
    }
    entry->object.store(object_of_entry, ashlar::base::rlx);
    EXPECT_FALSE(ready().empty());
    for (const std::uint64_t length :
         {~std::uint64_t{0}, std::uint64_t{4097}, std::uint64_t{4096}}) {
        entry->length.store(length, ashlar::base::rlx);
        EXPECT_FALSE(objects_.find<Point>("origin"));
        EXPECT_TRUE(ready().empty());
    }
}

TEST_F(Find, EndsAtACycleOfEntries) {
    for (int i = 0; i < 5000; ++i) static_cast<void>(objects_.construct<int>(std::to_string(i))(i));
    ashlar::shared::Names names(heap_.mapping()->blocks());
    for (std::uint32_t bucket = 0; bucket < ashlar::shared::kBuckets; ++bucket) {
        ashlar::shared::Offset first = 0;
        ashlar::shared::Entry* last = nullptr;
        names.each_entry(bucket,
                         [&](ashlar::shared::Entry& entry, ashlar::shared::Offset at) noexcept {
                             if (first == 0) first = at;
                             last = &entry;
                             return true;
                         });
        if (last != nullptr) last->next.store(first, ashlar::base::rlx);
    }
    for (int i = 5000; i < 6000; ++i) EXPECT_FALSE(objects_.find<int>(std::to_string(i)));
    EXPECT_EQ(*objects_.find<int>("4711"), 4711);
}

TEST_F(Find, ComparesTheCharactersOfNamesWithOneHash) {
    static_cast<void>(objects_.construct<int>("aaaa")(1));
    static_cast<void>(objects_.construct<int>("bbbb")(2));
    ashlar::shared::Names names(heap_.mapping()->blocks());
    ashlar::shared::Entry* entries[2] = {};
    for (std::uint32_t bucket = 0; bucket < ashlar::shared::kBuckets; ++bucket) {
        names.each_entry(bucket,
                         [&](ashlar::shared::Entry& entry, ashlar::shared::Offset) noexcept {
                             entries[*entry.name() - 'a'] = &entry;
                             return true;
                         });
    }
    // "bbbb" comes behind an entry that only its characters tell from it.
    const auto hash = entries[1]->hash.load(ashlar::base::rlx);
    entries[0]->hash.store(hash, ashlar::base::rlx);
    entries[0]->next.store(heap_.to_offset(entries[1]), ashlar::base::rlx);
    heap_.mapping()->segment().header().buckets[hash % ashlar::shared::kBuckets].store(
        heap_.to_offset(entries[0]), ashlar::base::rlx);
    EXPECT_EQ(*objects_.find<int>("bbbb"), 2);
}

TEST_F(FindOrConstruct, ConstructsOnce) {
    const auto first = objects_.find_or_construct<Point>("origin")(3, 4);
    EXPECT_EQ(first.state(), SharedNameState::constructed);
    const auto second = objects_.find_or_construct<Point>("origin")(5, 6);
    EXPECT_EQ(second.state(), SharedNameState::found);
    EXPECT_EQ(second.get(), first.get());
    EXPECT_EQ(second->x, 3);
}

TEST_F(Destroy, RunsTheDestructorAndFreesTheBlock) {
    int alive = 0;
    static_cast<void>(objects_.construct<Counted>("x")(alive));
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(blocks(), 2u);
    EXPECT_EQ(objects_.destroy<Counted>("x"), SharedNameState::destroyed);
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(blocks(), 1u) << "the entry stays";
    EXPECT_EQ(objects_.destroy<Counted>("x"), SharedNameState::absent);
    EXPECT_EQ(objects_.destroy<Counted>("never"), SharedNameState::absent);
    EXPECT_EQ(objects_.find<Counted>("x").state(), SharedNameState::absent);
}

TEST_F(Names, HaveOneToMaxNameBytes) {
    for (const std::string& wrong :
         {std::string(), std::string(SharedObjects::max_name + 1, 'n')}) {
        EXPECT_EQ(objects_.construct<int>(wrong)(1).state(), SharedNameState::bad_name);
        EXPECT_EQ(objects_.find_or_construct<int>(wrong)(1).state(), SharedNameState::bad_name);
        EXPECT_EQ(objects_.find<int>(wrong).state(), SharedNameState::bad_name);
        EXPECT_EQ(objects_.destroy<int>(wrong), SharedNameState::bad_name);
    }
    const std::string longest(SharedObjects::max_name, 'n');
    const std::string other = longest.substr(1) + "m";
    const std::string zeros("a\0b", 3);
    EXPECT_EQ(*objects_.construct<int>(longest)(1), 1);
    EXPECT_EQ(*objects_.construct<int>(other)(2), 2);
    EXPECT_EQ(*objects_.construct<int>(zeros)(3), 3);
    EXPECT_EQ(*objects_.find<int>(longest), 1);
    EXPECT_EQ(*objects_.find<int>(other), 2);
    EXPECT_FALSE(objects_.find<int>("a"));
    EXPECT_EQ(ready(), (std::set<std::string>{longest, other, zeros}));
}

TEST_F(Names, AreKeptApartInOneBucket) {
    constexpr int count = 5000;  // some five in each bucket
    for (int i = 0; i < count; ++i) ASSERT_TRUE(objects_.construct<int>(std::to_string(i))(i));
    for (int i = 0; i < count; ++i) ASSERT_EQ(objects_.find<int>(std::to_string(i)).value(), i);
    for (int i = 0; i < count; i += 2)
        ASSERT_EQ(objects_.destroy<int>(std::to_string(i)), SharedNameState::destroyed);
    EXPECT_EQ(ready().size(), std::size_t{count} / 2);
    EXPECT_EQ(blocks(), std::size_t{count} + count / 2);
    EXPECT_EQ(heap_.check(), 0u);
}

TEST_F(Each, ShowsReadyNamesUntilTheVisitorEndsIt) {
    for (const char* name : {"a", "b", "c", "d"})
        static_cast<void>(objects_.construct<Point>(name)(1, 2));
    objects_.destroy<Point>("b");
    EXPECT_EQ(ready(), (std::set<std::string>{"a", "c", "d"}));
    int seen = 0;
    objects_.each([&](const SharedName& name) {
        EXPECT_EQ(name.as<Point>()->y, 2);
        EXPECT_EQ(name.as<Other>(), nullptr);
        EXPECT_EQ(name.size, sizeof(Point));
        return ++seen < 2;
    });
    EXPECT_EQ(seen, 2);
}

TEST_F(Names, AreTheSameInAHeapThatIsOpenedAgain) {
    static_cast<void>(objects_.construct<Point>("origin")(3, 4));
    const ashlar::SharedHeap again = open_again();
    const auto found = SharedObjects(again).find<Point>("origin");
    ASSERT_TRUE(found);
    EXPECT_NE(found.get(), objects_.find<Point>("origin").get()) << "another address";
    EXPECT_EQ(found->y, 4);
    EXPECT_EQ(SharedObjects(again).destroy<Point>("origin"), SharedNameState::destroyed);
    EXPECT_FALSE(objects_.find<Point>("origin"));
}

}  // namespace
