"""Bugs that no schedule is needed for: each is found by a test of ctest, or by a script; run_programs.py demands it."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Planted:
    name: str
    file: str
    old: str
    new: str
    targets: str  # what must be built anew, by spaces
    tests: str = ""  # tests of ctest, by spaces, each of which must fail; a * stands for any part of a name
    script: str = ""  # a command in the tree, which must fail; or both
    preset: str = "release"
    also: tuple = ()  # further pairs of old and new in the same file


ARENA = "src/arena/arena.cpp"
CACHE = "src/cache/cache.cpp"
CORE = "src/cache/core.cpp"
DEPOT = "src/depot/depot.cpp"
DLOPEN = "src/faces/dlopen.cpp"
ENTRY = "src/faces/entry.cpp"
EXIT_LINE = "src/faces/exit_line.cpp"
GROWTH = "src/cache/growth.cpp"
HEAP = "src/faces/heap.cpp"
INJECTION = "src/cache/injection.cpp"
PROCESS = "src/cache/process.cpp"
REGION = "src/region/region.cpp"
SPANS = "src/spans/spans.cpp"
THREAD = "src/cache/thread.cpp"
THREAD_CACHE = "src/cache/thread_cache.hpp"
UPKEEP = "src/cache/upkeep.cpp"

# ctest's name of the test of a point where the allocator is refused something.
REFUSED = "faults.Point/EachUse.FailsOnceAndFromThenOn/"

FAULTS = (
    Planted("a_heap_without_a_place_is_kept", GROWTH, "    if (registry.enroll(*core)) return core;\n    Core::destroy(core);",
            "    if (registry.enroll(*core)) return core;", "faults", REFUSED + "enroll*"),
    Planted("a_mapping_that_stays_keeps_its_memory", REGION, "if (munmap(start, bytes) != 0) madvise(start, bytes, MADV_DONTNEED);",
            "munmap(start, bytes);", "faults", REFUSED + "unmap*"),
    Planted("a_purge_that_fails_counts_as_zero", REGION, "madvise(start, bytes, MADV_DONTNEED) == 0;",
            "madvise(start, bytes, MADV_DONTNEED) != 2;", "faults", REFUSED + "advise*"),
    Planted("calloc_of_large_blocks_sets_no_errno", ENTRY, "        if (block == nullptr) errno = ENOMEM;\n    }\n    if (block",
            "    }\n    if (block", "faults ashlar situation_fail_nth situation_exercise", REFUSED + "map* situations.fail_nth"),
    Planted("a_block_grows_in_place_where_it_was_to_fail", ENTRY, "    if (may_stay && before", "    if ((may_stay || true) && before",
            "ashlar situation_fail_nth situation_exercise", "situations.fail_nth"),
    Planted("every_kth_failure_is_one_late", INJECTION, "since % plan_.every != 0", "since % plan_.every != 1",
            "ashlar situation_fail_nth situation_exercise", "situations.fail_nth"),
    Planted("a_thread_without_a_key_keeps_its_cache", THREAD, "    cache->flush();\n    core->give_cache(cache);\n    return nullptr;",
            "    return nullptr;", "first_use", "first_use.FirstUse.AThreadWhoseEndWouldNotBeSeenGivesItsCacheBack"),
)

FALSE_SHARING = (
    Planted("others_cache_lines_are_used_again", CACHE, "(shares ? 0 : first_capacity(bin))", "(shares ? first_capacity(bin) : first_capacity(bin))",
            "unit_cache", "unit_cache.Some/CacheBin.AThreadDoesNotReuseOthersCacheLinesBeforeItHasItsOwn/4"),
    Planted("a_closed_bin_never_opens", CACHE, "        if (strangers_[bin]++ < kStrangers) return core", "        return core", "unit_cache",
            "unit_cache.Some/CacheBin.AStreamOfOthersBlocksIsCachedAllTheSame/4"),
    Planted("a_used_cache_begins_as_it_ended", CORE, "    cache->attach(*this, id);  // also", "    if (!cache->attached()) cache->attach(*this, id);  // also", "unit_cache",
            "unit_cache.CacheTest.AThreadBeginsLikeTheFirstAlsoWithAUsedCache"),
)

FIRST_USE = (
    Planted("first_use_is_a_lock", PROCESS, "    Core* made = reserve();\n    if (made == nullptr) return process_core.load(acq);",
            "    static base::Atomic<int> lock{};\n    while (lock.exchange(1, ar) != 0) {\n    }\n    core = process_core.load(acq);\n"
            "    Core* made = core != nullptr ? nullptr : reserve();\n    lock.exchange(0, ar);\n    if (made == nullptr) return core;",
            "first_use", "first_use.FirstUse.WaitsForNoThreadThatStoppedInIt"),
    Planted("the_heap_is_published_by_a_store", PROCESS, "    if (process_core.cas(core, made, ar, acq)) return made;",
            "    process_core.store(made, ar == acq ? acq : base::rel);\n    if (made != nullptr) return made;",
            "first_use", "first_use.FirstUse.ThreadsThatMeetNothing*"),
    Planted("the_key_is_published_by_a_store", THREAD, "    if (exit_key.cas(found, key + 1, ar, acq)) return key + 1;",
            "    exit_key.store(key + 1, base::rel);\n    if (found == 0) return key + 1;", "first_use",
            "first_use.FirstUse.ThreadsThatMeetNothing*"),
    Planted("E13_reader_takes_the_heap", PROCESS, "    Core* core = process_core.load(acq);  // [E13]",
            "    Core* core = process_core.load(rlx);  // [E13]", "first_use", "first_use.FirstUse.ThreadsThatMeetNothing*", preset="tsan"),
    Planted("E13_the_heap_is_published", PROCESS, "process_core.cas(core, made, ar, acq)", "process_core.cas(core, made, acq, acq)",
            "first_use", "first_use.FirstUse.ThreadsThatMeetNothing*", preset="tsan"),
    Planted("E13_growth_is_published", GROWTH, "slot.cas(core, made, ar, acq)", "slot.cas(core, made, acq, acq)",
            "first_use", "first_use.FirstUse.ThreadsThatGrow*", preset="tsan"),
    Planted("E18_reader_takes_the_key", THREAD, "    std::uint32_t found = exit_key.load(acq);", "    std::uint32_t found = exit_key.load(base::rlx);",
            "first_use", "first_use.FirstUse.ThreadsThatMeetNothing*", preset="tsan"),
    Planted("E18_the_key_is_published", THREAD, "exit_key.cas(found, key + 1, ar, acq)", "exit_key.cas(found, key + 1, acq, acq)",
            "first_use", "first_use.FirstUse.ThreadsThatMeetNothing*", preset="tsan"),
)

CONTENTS = (
    Planted("one_dirty_unit_counts_as_zero", SPANS, "return {start, dirty == 0};", "return {start, dirty <= 1};", "unit_spans",
            "unit_spans.PurgeTest.ARunWithOneDirtyUnitIsNotZero"),
    Planted("aligned_blocks_are_not_aligned", ENTRY, "? base::bin_of_aligned(size, alignment) : 0;\n    void* block = cache",
            "? base::bin_of_size(size) : 0;\n    void* block = cache", "fuzz_replay", "fuzz.replay"),
    Planted("a_taken_block_stays_free", ARENA, "        word.fetch_and(~mine, acq);",
            "        static thread_local unsigned planted = 0;\n        word.fetch_and(++planted % 512 == 0 ? ~(mine & (mine - 1)) : ~mine, acq);",
            "fuzz_replay ashlar_stress", "fuzz.replay stress.audited"),
    Planted("a_given_block_is_lost", ARENA, "fetch_or(mask, sc);\n    if ((old & mask) != 0) [[unlikely]]",
            "fetch_or((mask & (mask - 1)) != 0 ? mask & (mask - 1) : mask, sc);\n    if ((old & mask) != 0) [[unlikely]]", "fuzz_replay",
            "fuzz.replay"),
    Planted("the_peak_is_not_kept", SPANS, "while (held > peak && !peak_.cas", "while (held > peak + 1000000 && !peak_.cas", "fuzz_replay",
            "fuzz.replay"),
    Planted("a_kept_run_is_forgotten", SPANS, "        dirty_.fetch_add(units, rlx);\n        release(start, units);\n    }\n    nudge();",
            "        dirty_.fetch_add(units, rlx);\n        if (units != 2) release(start, units);\n    }\n    nudge();", "ashlar_stress",
            "stress.exhaust"),
    Planted("shared_caches_are_not_reclaimed", UPKEEP, "    flush_shared();\n    for", "    for", "ashlar_stress", "stress.exhaust"),
    Planted("a_heap_is_struck_after_its_memory_went", HEAP,
            "    cache::registry.strike(core_of(core));\n    Core::destroy(&core_of(core));",
            "    Core::destroy(&core_of(core));\n    cache::registry.strike(core_of(core));", "faults", REFUSED + "unmap*"),
)

SHELVES = (
    Planted("what_is_kept_for_another_is_taken", DEPOT, "if (full == 0 || base::count(full) <= shelf.kept.load(rlx)) continue;",
            "if (full == 0) continue;", "unit_depot", "unit_depot.DepotTest.WhatAThreadWantsAgainIsNotForOthers"),
    Planted("what_is_kept_never_falls", DEPOT, "    if (kept.load(rlx) != use.most) kept.store(use.most, rlx);\n", "", "unit_depot",
            "unit_depot.DepotTest.NoMoreIsKeptThanAThreadTookOfLate"),
    Planted("what_is_kept_is_not_forgotten", DEPOT, "if (kept.load(rlx) != 0) kept.store(0, rlx);", "if (kept.load(rlx) > 99) kept.store(0, rlx);",
            "unit_depot", "unit_depot.DepotTest.WhatIsKeptCanBeEmptiedAndIsForgottenWithItsThread"),
    Planted("a_fork_keeps_for_threads_that_are_gone", DEPOT, "            shelf.kept.store(0, rlx);\n", "", "unit_depot",
            "unit_depot.DepotTest.NothingIsKeptForAThreadThatAForkLeftBehind"),
    Planted("another_shelf_is_looked_at_first", DEPOT, "    std::uint32_t n = take_from(use.top, c, out);",
            "    std::uint32_t n = take_from((use.top + 4) % kShelves, c, out);\n    if (n == 0) n = take_from(use.top, c, out);", "unit_depot",
            "unit_depot.DepotTest.AThreadTakesItsOwnFirst"),
    Planted("blocks_of_all_sizes_are_kept", DEPOT, "    if (!base::shares_lines(c)) return;\n", "", "unit_depot",
            "unit_depot.DepotTest.LargerBlocksAreKeptForNobody"),
    Planted("as_many_are_kept_as_were_sought", DEPOT, "use.want < kMostKept", "use.want < 200", "unit_depot",
            "unit_depot.DepotTest.AThreadThatAlwaysTakesKeepsABoundedNumber"),
    Planted("larger_blocks_go_to_all_shelves", DEPOT, "i < kLots[c].reach;", "i < kShelves;", "unit_depot",
            "unit_depot.DepotTest.OfLargerBlocksAThreadFillsItsOwnShelfOnly"),
    Planted("larger_blocks_wait_as_long_as_small_ones", DEPOT, "times = kLots[c].patience;", "times = 4;", "unit_depot",
            "unit_depot.DepotTest.OfLargerBlocksAThreadFillsItsOwnShelfOnly"),
    Planted("a_class_that_rests_keeps_its_magazines", CACHE, "        core->flush_depot(bin);\n        idle_[bin] = kRested;", "        idle_[bin] = kRested;",
            "unit_cache", "unit_cache.CacheTest.WhatIsKeptForAThreadThatDoesNothingGoesBackToo unit_cache.CacheTest.MagazinesOfAClassThatNobodyUsesGoBackToo"),
    Planted("what_is_kept_is_kept_to_the_end", CACHE, "    if (n == 0) n = core->depot.take_any(bin, at);  // before memory is said to be out, also what is kept for others\n",
            "", "unit_cache", "unit_cache.SmallCore.MagazinesKeptForAnotherAreFoundWhenNothingElseIs"),
    Planted("the_budget_is_asked_of_the_home_only", DEPOT, "        if (!has_room(s, budget)) break;", "        if (!has_room(way.home, budget)) break;",
            "unit_depot", "unit_depot.DepotTest.TheBudgetIsOfAllShelvesTogether"),
    Planted("heaps_that_were_added_are_not_reclaimed", PROCESS, "    each_grown([](Core& grown) noexcept { grown.reclaim(); });\n", "",
            "faces_plain_out_of_memory", "faces_plain_out_of_memory.Sizes/Exhaustion.NothingIsKeptFromOtherSizes/1048576*"),
    Planted("a_magazine_is_owned_by_a_look", DEPOT, "const Word old = list.fetch_and(~bit(chosen), acq);",
            "const Word old = list.load(acq);\n        list.store(old & ~bit(chosen), rlx);", "unit_depot",
            "unit_depot.Classes/DepotExchange.LosesNothing/*", preset="tsan"),
    Planted("a_thread_looks_at_its_home_only", DEPOT, "    while (n == 0 && use.top != way.home) {", "    while (n == 0 && (use.top = way.home, false)) {",
            "unit_depot", "unit_depot.DepotTest.WhoHasFilledItsShelfTakesWhatItPutElsewhereFirst"),
    Planted("each_shelf_has_the_whole_budget", DEPOT, "if (bytes_[s].full.load(rlx) < budget / kShelves / 2) return true;",
            "if (bytes_[s].full.load(rlx) < budget) return true;", "unit_depot", "unit_depot.DepotTest.TheBudgetIsOfAllThreadsTogether"),
)

# The first reads again what it wrote into a free block, as others do with their lists.
MISUSE = (
    Planted("the_depot_counts_in_a_block", DEPOT, "    mine.count = n;\n", "    mine.count = n;\n    std::memcpy(blocks[0], &n, sizeof n);\n",
            "ashlar misuse", "misuse.written_in_the_depot.8",
            also=(("    const std::uint32_t n = mine.count;\n",
                   "    std::uint32_t n;\n    std::memcpy(&n, mine.blocks[0], sizeof n);\n"),)),
    Planted("twice_in_a_row_is_not_seen", THREAD_CACHE, "if (at == limit[bin] || at[-1] == block) [[unlikely]]",
            "if (at == limit[bin]) [[unlikely]]", "ashlar misuse", "misuse.twice.8 misuse.twice.262144 misuse.delete_after_free.4096"),
    Planted("twice_in_one_batch_is_not_seen", ARENA, "            if ((mask & bits) != 0) [[unlikely]]\n                report_twice(place, c, mask & bits);\n",
            "", "unit_arena", "unit_arena.ArenaDeathTest.ABlockTwiceInOneCall"),
    Planted("the_class_is_not_looked_at", ARENA, "if (slab >= units_ || map_[slab].load(rlx) != c_) [[unlikely]]",
            "if (slab >= units_) [[unlikely]]", "unit_arena", "unit_arena.ArenaDeathTest.ABlockOfASlabThatIsOfAnotherClassNow"),
    Planted("a_pointer_into_a_block_is_rounded", ARENA, "if (number * size_ != offset || number >= blocks_) [[unlikely]]",
            "if (number >= blocks_) [[unlikely]]", "ashlar misuse", "misuse.inside_by_one.8 misuse.inside_by_half.4096"),
    Planted("nobodys_pointers_are_ignored", PROCESS, "    if (core == nullptr) base::report_foreign(block);\n    const region",
            "    if (core == nullptr) return;\n    const region", "ashlar misuse", "misuse.of_the_stack.8 misuse.of_a_large_number.4096"),
    Planted("a_wrong_size_is_believed", ENTRY, "    if (usable != expected) base::report_wrong_size(block, usable, size);\n",
            "    if (usable == 0 && expected == 0) return;\n", "ashlar misuse", "misuse.delete_as_larger.8 misuse.delete_aligned_as_larger.262144"),
)

SITUATIONS = (
    Planted("a_child_adopts_nothing", THREAD, "pthread_atfork(nullptr, nullptr, adopt_fork);", "static_cast<void>(adopt_fork);",
            "ashlar situation_fork_storm", "situations.fork_storm"),
    Planted("a_bin_is_cut_open", CACHE, "        top[bin] = newest;\n        base::compiler_fence();\n        if (++misses_",
            "        base::compiler_fence();\n        if (++misses_", "ashlar situation_fork_storm", "situations.fork_storm"),
    Planted("a_thread_that_ends_keeps_its_cache", THREAD,
            "    tls_cache = &kPastCache;\n    cache->flush();\n    cache->core->give_cache(cache);\n}\n\n[[gnu::noinline]] Cache* enter_thread",
            "    tls_cache = &kPastCache;\n    static_cast<void>(cache);\n}\n\n[[gnu::noinline]] Cache* enter_thread",
            "ashlar situation_thread_turnover", "situations.thread_turnover"),
    Planted("a_thread_begins_again_after_its_end", THREAD, "    if (front == &kPastCache) return nullptr;\n", "", "ashlar situation_late",
            "situations.late"),
    Planted("nothing_before_the_constructors", PROCESS, "Core* process() noexcept {\n",
            "static int ready = 0;\n[[gnu::constructor]] static void begin() noexcept { ready = 1; }\nCore* process() noexcept {\n"
            "    if (ready == 0) return nullptr;\n", "ashlar situation_early situation_early_library", "situations.early"),
    Planted("a_smaller_region_is_not_tried", PROCESS, "    while (core == nullptr && bytes > kMinRegion) {",
            "    while (core == nullptr && bytes > kMinRegion && bytes < kMinRegion) {", "ashlar situation_limits situation_refuse situation_exercise",
            "situations.ulimit_400000 situations.refused_map_134217728"),
    Planted("malloc_sets_no_errno", ENTRY, "    if (block == nullptr) [[unlikely]]\n        errno = ENOMEM;\n    return block;", "    return block;",
            "ashlar situation_limits", "situations.ulimit_400000"),
    Planted("setuid_programs_obey_the_environment", EXIT_LINE, "secure_getenv", "getenv", "ashlar situation_linked", "situations.setuid"),
    Planted("every_program_prints_a_summary", EXIT_LINE,
            "    if (wish != nullptr && *wish != '\\0' && *wish != '0') descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);",
            "    descriptor = fcntl(wish == nullptr ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 100);", "ashlar situation_spawn", "situations.spawn"),
    Planted("libraries_are_opened_up_to_a_number", DLOPEN, "    if (open == nullptr) open = find_next();\n",
            "    if (open == nullptr) open = find_next();\n    static unsigned planted = 0;\n    if (++planted > 32) return nullptr;\n",
            "ashlar situation_many_libraries", "situations.many_libraries"),
    Planted("too_much_lies_in_the_static_block", CACHE, "constinit thread_local Front* tls_cache [[gnu::tls_model(\"initial-exec\")]] = &kNoCache;\n",
            "constinit thread_local Front* tls_cache [[gnu::tls_model(\"initial-exec\")]] = &kNoCache;\n"
            "[[gnu::used]] thread_local char planted[8192] [[gnu::tls_model(\"initial-exec\")]];\n", "ashlar situation_many_libraries",
            "situations.opened_last"),
    Planted("libcs_own_malloc_gets_in", "src/CMakeLists.txt", "target_link_options(ashlar_static INTERFACE LINKER:-u,malloc)",
            "foreach(planted static object)\n  target_link_options(ashlar_${planted} INTERFACE LINKER:-u,malloc,-u,__mallinfo2)\nendforeach()",
            "situation_static_archive situation_static_object situation_static_plain",
            "situations.static_archive situations.static_object situations.static_archive_symbols situations.static_object_symbols",
            also=(("$<TARGET_OBJECTS:ashlar_malloc> $<TARGET_OBJECTS:ashlar_static_libc>)", "$<TARGET_OBJECTS:ashlar_malloc>)"),
                  ("--wildcard ${shared_layers} ", "--wildcard --weaken-symbol=*alloc* --weaken-symbol=*align --weaken-symbol=*free --weaken-symbol=__libc_* "))),
    Planted("a_constructor_writes_past_the_end", EXIT_LINE, "    const char* wish = secure_getenv(\"ASHLAR_STATS\");\n",
            "    const char* wish = secure_getenv(\"ASHLAR_STATS\");\n    static volatile unsigned size = 24;\n"
            "    char* planted = static_cast<char*>(std::malloc(size));\n    if (planted != nullptr) planted[size] = 0;\n    std::free(planted);\n",
            "ashlar situation_exercise", "situations.valgrind_memcheck"),
    Planted("a_smaller_region_is_not_tried_under_valgrind", PROCESS, "    while (core == nullptr && bytes > kMinRegion) {",
            "    while (core == nullptr && bytes > kMinRegion && bytes < kMinRegion) {", "ashlar situation_exercise",
            "situations.valgrind_none situations.valgrind_callgrind"),
    Planted("libraries_bind_deep", DLOPEN, "mode & ~RTLD_DEEPBIND", "mode", "ashlar situation_deepbind situation_deepbind_library "
            "situation_opener_library situation_neighbour_library", "situations.deepbind"),
)

REALLOC = (ENTRY, "    std::memcpy(moved, block, size < before ? size : before);",
           "    std::memcpy(moved, block, size < before ? size : before - 8);")
PROGRAMS = (
    Planted("realloc_loses_the_end", *REALLOC, "ashlar fuzz_replay situation_libc_blocks", "fuzz.replay situations.libc_blocks",
            script="tests/programs/run.sh redis"),
    Planted("realloc_loses_the_end_of_pythons", *REALLOC, "ashlar", script="tests/programs/run.sh python"),
    Planted("realloc_loses_the_end_of_phps", *REALLOC, "ashlar", script="tests/programs/run.sh php"),
    Planted("realloc_loses_the_end_of_compilers", *REALLOC, "ashlar", script="tests/programs/run.sh compilers"),
    Planted("calloc_is_not_zero", ENTRY, "if (block != nullptr && !zero) std::memset(block, 0, bytes);",
            "if (block != nullptr && !zero) std::memset(block, 0, bytes / 2);", "fuzz_replay", "fuzz.replay"),
    Planted("blocks_overlap", ARENA, "    const UnitId slab = run.start;\n    if (slab == kNoUnit) return kNoUnit;\n",
            "    const UnitId slab = run.start;\n    if (slab == kNoUnit) return kNoUnit;\n"
            "    if (slab % 64 == 0 && g.units == 1) spans_->give(slab, 1);\n", "ashlar", script="tests/programs/run.sh rocksdb"),
)

PROGRESS_TARGETS = "ashlar steps freeze_worker"
STEPS = "build/release/tests/progress/steps --preload build/release/src/libashlar.so --seed 1 --operation runs --operation large "
PROGRESS = (
    Planted("the_best_fit_waits_for_the_lock", SPANS, "tries < kTries; ++tries)", "tries < kTries; tries += 0)", PROGRESS_TARGETS,
            script=STEPS + "--points 60 --patience 2"),
    Planted("no_search_of_the_bits_beside_the_lock", SPANS, "    if (start == kNoUnit) start = take_scan(units);\n", "", PROGRESS_TARGETS,
            script=STEPS + "--points 60 --end"),
)

ALL = FAULTS + FALSE_SHARING + SHELVES + FIRST_USE + CONTENTS + MISUSE + SITUATIONS + PROGRAMS + PROGRESS
