"""Mutations that need no schedule: a test of ctest or a script must find each, as run_programs.py checks."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str
    new: str
    targets: str  # targets to build, separated by spaces
    tests: str = ""  # tests of ctest, separated by spaces; each must fail; * matches any part of a name
    script: str = ""  # a command in the tree that must fail; an entry may have both
    preset: str = "release"
    also: tuple = ()  # more pairs of old and new in the same file


ARENA = "src/core/arena/arena.cpp"
BACK_END = "src/malloc/cache/back_end.cpp"
CACHE = "src/malloc/cache/cache.cpp"
CORE = "src/malloc/heap/heap.cpp"
DEPOT = "src/malloc/depot/depot.cpp"
DEEP_BINDING = "src/malloc/api/deep_binding.cpp"
DLOPEN = "src/malloc/api/dlopen.cpp"
ENTRY = "src/malloc/api/entry.cpp"
AT_EXIT = "src/malloc/api/statistics_at_exit.cpp"
GROWTH = "src/malloc/process/growth.cpp"
HEAP = "src/malloc/api/heap.cpp"
SETRLIMIT = "src/malloc/api/setrlimit.cpp"
MALLOC = "src/malloc/api/malloc.cpp"
NEW = "src/malloc/api/new.cpp"
REPLACED = "src/malloc/api/replaced.hpp"
INJECTION = "src/malloc/process/injection.cpp"
PROCESS = "src/malloc/process/process.cpp"
COMMITTED = "src/core/region/committed.cpp"
PURGE = "src/core/spans/spans_purge.cpp"
REGION = "src/core/region/region.cpp"
ATOMIC = "src/base/atomic.hpp"
SPANS = "src/core/spans/spans.cpp"
THREAD = "src/malloc/process/process_thread.cpp"
THREAD_CACHE = "src/malloc/cache/thread_cache.hpp"
UPKEEP = "src/malloc/heap/heap_upkeep.cpp"

# ctest's name of the fault tests, without the point where the allocator is refused something.
REFUSED = "faults.Point/EachUse.FailsOnceAndFromThenOn/"

FAULTS = (
    Mutation("a_heap_without_a_place_is_kept", GROWTH, "    if (registry.enroll(*heap)) return heap;\n    Heap::destroy(heap);",
            "    if (registry.enroll(*heap)) return heap;", "faults", REFUSED + "enroll*"),
    Mutation("a_mapping_that_stays_keeps_its_memory", REGION,
            "return munmap(start, bytes) == 0 || madvise(start, bytes, MADV_DONTNEED) == 0;",
            "return munmap(start, bytes) == 0;", "faults", REFUSED + "unmap*"),
    Mutation("a_purge_that_fails_counts_as_zero", REGION, "noexcept { return madvise(start, bytes, MADV_DONTNEED) == 0; }",
            "noexcept { return madvise(start, bytes, MADV_DONTNEED) != 2; }", "faults", REFUSED + "advise*"),
    Mutation("calloc_of_large_blocks_sets_no_errno", ENTRY, "        errno = ENOMEM;\n    } else if (!zero) {",
            "    } else if (!zero) {", "faults ashlar situation_fail_nth situation_exercise",
            REFUSED + "map* situations.fail_nth"),
    Mutation("growth_in_place_ignores_an_injected_failure", ENTRY, "    if (may_stay && before",
            "    if ((may_stay || true) && before",
            "ashlar situation_fail_nth situation_exercise", "situations.fail_nth"),
    Mutation("every_kth_failure_is_one_late", INJECTION, "since % plan_.every != 0", "since % plan_.every != 1",
            "ashlar situation_fail_nth situation_exercise", "situations.fail_nth"),
    Mutation("a_thread_without_a_key_keeps_its_cache", THREAD,
            "    heap->end_cache(cache);\n    return nullptr;", "    return nullptr;", "first_use",
            "first_use.FirstUse.ThreadWithoutAKeyValueGivesItsCacheBack"),
)

MEMORY = (
    Mutation("units_wanted_again_raise_no_cap", PURGE, "    learned_.fetch_add(2 * again, rlx);\n", "", "unit_spans",
            "unit_spans.PurgeTest.BurstsRaiseTheCapOfDirtyUnitsToABound"),
    Mutation("a_long_run_that_was_purged_stays_dirty", PURGE,
            "    clean(start, units);\n    if (units >= kDiscardedAtOnce)", "    if (units >= kDiscardedAtOnce)", "unit_spans",
            "unit_spans.PurgeTest.GiveOfAVeryLongRunPurgesUnitsThatWereDirtyBefore"),
    Mutation("a_step_that_is_refused_is_not_made_smaller", COMMITTED,
            "        to = end;\n        if (!commit(from, to)) return false;\n",
            "        return false;\n", "unit_region",
            "unit_region.CommittedTest.CoverTakesOnlyTheNeededUnitsIfTheStepIsRefused"),
    Mutation("a_step_is_as_long_as_the_heap", COMMITTED, "    const UnitId share = reach / 8;",
            "    const UnitId share = reach;", "unit_region",
            "unit_region.CommittedTest.StepsAreAnEighthAndAtMost64MiB"),
)

FALSE_SHARING = (
    Mutation("cache_lines_of_other_threads_are_reused", CACHE, "(base::is_run(bin) || base::shares_lines(bin));",
            "base::is_run(bin);",
            "unit_cache", "unit_cache.Some/CacheBin.TakeAvoidsCacheLinesOfOtherThreadsBeforeItsFirstMiss/4"),
    Mutation("a_closed_bin_never_opens", CACHE, "        if (remote_frees_[bin]++ < kRemoteFrees) return heap",
             "        return heap",
            "unit_cache",
            "unit_cache.Some/CacheBin.GiveOfManyBlocksOfAnotherThreadCachesThem/4"),
    Mutation("a_used_cache_is_not_reset", CORE, "    cache->attach(*this, id);  // also",
            "    if (!cache->attached()) cache->attach(*this, id);  // also", "unit_cache",
            "unit_cache.CacheTest.TakeCacheResetsAUsedCache"),
)

FIRST_USE = (
    Mutation("first_use_is_a_lock", PROCESS,
            "    Heap* made = reserve();\n    if (made == nullptr) return process_heap.load(acq);",
            "    static base::Atomic<int> lock{};\n    while (lock.exchange(1, acq_rel) != 0) {\n    }\n"
            "    heap = process_heap.load(acq);\n"
            "    Heap* made = heap != nullptr ? nullptr : reserve();\n    lock.exchange(0, acq_rel);\n"
            "    if (made == nullptr) return heap;", "first_use", "first_use.FirstUse.WaitsForNoStoppedThread"),
    Mutation("the_heap_is_published_by_a_store", PROCESS, "    if (process_heap.cas(heap, made, acq_rel, acq)) return made;",
            "    process_heap.store(made, acq_rel == acq ? acq : base::rel);\n    if (made != nullptr) return made;",
            "first_use", "first_use.FirstUse.ByManyThreads*"),
    Mutation("the_key_is_published_by_a_store", THREAD, "    if (exit_key.cas(found, key + 1, acq_rel, acq)) return key + 1;",
            "    exit_key.store(key + 1, base::rel);\n    if (found == 0) return key + 1;", "first_use",
            "first_use.FirstUse.ByManyThreads*"),
    Mutation("E13_reader_takes_the_heap", PROCESS, "    Heap* heap = process_heap.load(acq);",
            "    Heap* heap = process_heap.load(rlx);  // [E13]", "first_use",
            "first_use.FirstUse.ByManyThreads*", preset="tsan"),
    Mutation("E13_the_heap_is_published", PROCESS, "process_heap.cas(heap, made, acq_rel, acq)",
            "process_heap.cas(heap, made, acq, acq)",
            "first_use", "first_use.FirstUse.ByManyThreads*", preset="tsan"),
    Mutation("E13_growth_is_published", GROWTH, "slot.cas(heap, made, acq_rel, acq)", "slot.cas(heap, made, acq, acq)",
            "first_use", "first_use.FirstUse.GrowthByManyThreads*", preset="tsan"),
    Mutation("E18_reader_takes_the_key", THREAD, "    std::uint32_t found = exit_key.load(acq);",
            "    std::uint32_t found = exit_key.load(base::rlx);",
            "first_use", "first_use.FirstUse.ByManyThreads*", preset="tsan"),
    Mutation("E18_the_key_is_published", THREAD, "exit_key.cas(found, key + 1, acq_rel, acq)",
            "exit_key.cas(found, key + 1, acq, acq)",
            "first_use", "first_use.FirstUse.ByManyThreads*", preset="tsan"),
)

CONTENTS = (
    Mutation("one_dirty_unit_counts_as_zero", SPANS, "run{start, dirty == 0, units - dirty};",
            "run{start, dirty <= 1, units - dirty};",
            "unit_spans", "unit_spans.PurgeTest.TakeOfARunWithOneDirtyUnitIsNotZero"),
    Mutation("aligned_blocks_are_not_aligned", ENTRY,
            "    void* block = pop(base::bin_of(size, alignment));",
            "    void* block = pop(base::bin_of_size(size));", "fuzz_replay", "fuzz.replay"),
    Mutation("a_taken_block_stays_free", ARENA, "        word.fetch_and(~mine, acq);",
            "        static thread_local unsigned planted = 0;\n"
            "        word.fetch_and(++planted % 512 == 0 ? ~(mine & (mine - 1)) : ~mine, acq);",
            "fuzz_replay ashlar_stress", "fuzz.replay stress.audited"),
    Mutation("a_given_block_is_lost", ARENA, "fetch_or(mask, seq_cst);\n    if ((old & mask) != 0) [[unlikely]]",
            "fetch_or((mask & (mask - 1)) != 0 ? mask & (mask - 1) : mask, seq_cst);\n"
            "    if ((old & mask) != 0) [[unlikely]]", "fuzz_replay", "fuzz.replay"),
    Mutation("the_peak_is_not_kept", SPANS, "while (held > peak && !peak_.cas", "while (held > peak + 1000000 && !peak_.cas",
            "fuzz_replay",
            "fuzz.replay"),
    Mutation("a_kept_run_is_forgotten", SPANS, "    dirty_units_.fetch_add(units, rlx);\n    release(start, units);\n}",
            "    dirty_units_.fetch_add(units, rlx);\n    if (units != 2) release(start, units);\n}",
            "ashlar_stress", "stress.exhaust"),
    Mutation("shared_caches_are_not_reclaimed", UPKEEP, "    adopt_orphans();\n    flush_cached();\n", "",
            "ashlar_stress", "stress.exhaust"),
    Mutation("a_heap_leaves_the_registry_after_its_memory", HEAP,
            "    cache::registry.strike(heap_of(heap));\n    cache::Heap::destroy(&heap_of(heap));",
            "    cache::Heap::destroy(&heap_of(heap));\n    cache::registry.strike(heap_of(heap));", "faults",
            REFUSED + "unmap*"),
)

SHARDS = (
    Mutation("reserved_magazines_are_taken_by_others", DEPOT,
             "if (full == 0 || base::count(full) <= shard.kept.load(rlx)) continue;",
            "if (full == 0) continue;", "unit_depot", "unit_depot.DepotTest.TakeLeavesMagazinesReservedByAnotherThread"),
    Mutation("a_reservation_never_falls", DEPOT, "    if (kept.load(rlx) != use.most) kept.store(use.most, rlx);\n", "",
            "unit_depot",
            "unit_depot.DepotTest.ReservationIsTheRecentRunOfTakes"),
    Mutation("a_reservation_outlives_its_thread", DEPOT, "if (kept.load(rlx) != 0) kept.store(0, rlx);",
            "if (kept.load(rlx) > 99) kept.store(0, rlx);",
            "unit_depot", "unit_depot.DepotTest.TakeAnyAndForgetOverrideAReservation"),
    Mutation("a_fork_keeps_reservations", DEPOT, "            shard.kept.store(0, rlx);\n", "", "unit_depot",
            "unit_depot.DepotTest.AdoptForkDropsReservations"),
    Mutation("another_shard_comes_first", DEPOT, "    std::uint32_t n = take_from(use.top, c, out);",
            "    std::uint32_t n = take_from((use.top + 4) % kShards, c, out);\n"
            "    if (n == 0) n = take_from(use.top, c, out);", "unit_depot",
            "unit_depot.DepotTest.TakePrefersTheThreadsOwnMagazines"),
    Mutation("blocks_of_all_sizes_are_reserved", DEPOT, "    if (!base::shares_lines(c)) return;\n", "", "unit_depot",
            "unit_depot.DepotTest.TakeOfLargerBlocksFindsNoReservation"),
    Mutation("a_reservation_has_no_bound", DEPOT, "use.want < kMostKept", "use.want < 200", "unit_depot",
            "unit_depot.DepotTest.ReservationIsBounded"),
    Mutation("larger_blocks_go_to_all_shards", DEPOT, "i < kMagazineParameters[c].reach;", "i < kShards;", "unit_depot",
            "unit_depot.DepotTest.GiveOfLargerBlocksFillsTheHomeShardOnly"),
    Mutation("larger_blocks_wait_as_long_as_small_ones", DEPOT, "times = kMagazineParameters[c].patience;", "times = 4;",
             "unit_depot",
            "unit_depot.DepotTest.GiveOfLargerBlocksFillsTheHomeShardOnly"),
    Mutation("an_idle_class_keeps_its_magazines", CACHE,
             "        heap->flush_depot(bin);\n        idle_[bin] = kIdleFlushed;",
            "        idle_[bin] = kIdleFlushed;",
            "unit_cache",
            "unit_cache.CacheTest.MissesFlushMagazinesReservedByAnIdleThread "
            "unit_cache.CacheTest.MissesFlushTheMagazinesOfAnIdleClass"),
    Mutation("reserved_magazines_are_no_last_resort", CACHE,
            "        n = heap->depot.take_any(bin, at);\n", "",
            "unit_cache", "unit_cache.SmallHeap.TakeUsesReservedMagazinesBeforeItFails"),
    Mutation("the_budget_counts_the_home_shard_only", DEPOT, "        if (!has_room(s, budget)) break;",
            "        if (!has_room(handle.home, budget)) break;",
            "unit_depot", "unit_depot.DepotTest.BudgetCountsAllShards"),
    Mutation("heaps_of_growth_are_not_reclaimed", PROCESS,
            "    each_grown([](Heap& grown) noexcept { grown.reclaim(); });\n", "",
            "api_plain_out_of_memory", "api_plain_out_of_memory.Sizes/Exhaustion.FreesOfOneSizeServeAnotherInFull/1048576*"),
    Mutation("a_magazine_is_owned_by_load_and_store", DEPOT, "const Word old = list.fetch_and(~bit(chosen), acq);",
            "const Word old = list.load(acq);\n        list.store(old & ~bit(chosen), rlx);", "unit_depot",
            "unit_depot.Classes/DepotExchange.LosesAndDuplicatesNoBlock/*", preset="tsan"),
    Mutation("a_thread_takes_from_its_home_shard_only", DEPOT, "    while (n == 0 && use.top != handle.home) {",
            "    while (n == 0 && (use.top = handle.home, false)) {",
            "unit_depot", "unit_depot.DepotTest.TakeAfterAFullShardReturnsTheNewestFirst"),
    Mutation("each_shard_has_the_whole_budget", DEPOT, "if (bytes_[s].full.load(rlx) < budget / kShards / 2) return true;",
            "if (bytes_[s].full.load(rlx) < budget) return true;", "unit_depot", "unit_depot.DepotTest.BudgetCountsAllThreads"),
)

# The first entry stores its count in a free block and reads it back, as allocators with free lists do.
MISUSE = (
    Mutation("the_depot_counts_in_a_block", DEPOT, "    mine.count = n;\n",
            "    mine.count = n;\n    std::memcpy(blocks[0], &n, sizeof n);\n",
            "ashlar misuse", "misuse.written_in_the_depot.8",
            also=(("    const std::uint32_t n = mine.count;\n",
                   "    std::uint32_t n;\n    std::memcpy(&n, mine.blocks[0], sizeof n);\n"),)),
    Mutation("a_double_free_in_a_row_is_not_seen", THREAD_CACHE, " || base::owned_equals(at[-1], block)", "", "ashlar misuse",
            "misuse.twice.8 misuse.twice.262144 misuse.delete_after_free.4096"),
    Mutation("a_block_twice_in_one_batch_is_not_seen", ARENA,
            "            if ((mask & bits) != 0) [[unlikely]]\n                report_twice(place, c, mask & bits);\n",
            "", "unit_arena", "unit_arena.ArenaDeathTest.GiveOfOneBlockTwiceInOneCallIsReported"),
    Mutation("the_class_is_not_compared", ARENA, "if (slab >= units_ || map_[slab].load(rlx) != c_) [[unlikely]]",
            "if (slab >= units_) [[unlikely]]", "unit_arena",
            "unit_arena.ArenaDeathTest.GiveIntoASlabThatChangedItsClassIsReported"),
    Mutation("a_pointer_into_a_block_is_rounded", ARENA, "if (number * size_ != offset || number >= blocks_) [[unlikely]]",
            "if (number >= blocks_) [[unlikely]]", "ashlar misuse", "misuse.inside_by_one.8 misuse.inside_by_half.4096"),
    Mutation("foreign_pointers_are_ignored", PROCESS, "    if (bytes == 0) report_stranger(block);\n    // A large",
            "    if (bytes == 0) return;\n    // A large", "ashlar misuse",
            "misuse.of_the_stack.8 misuse.of_a_large_number.4096"),
)

DEEPBIND_TARGETS = ("ashlar situation_deepbind situation_deepbind_library situation_opener_library situation_neighbour_library "
                    "situation_isolated situation_isolated_library situation_refuse")
SITUATIONS = (
    Mutation("a_child_adopts_nothing", THREAD, "pthread_atfork(nullptr, nullptr, adopt_fork);",
             "static_cast<void>(adopt_fork);",
            "ashlar situation_fork_storm", "situations.fork_storm"),
    Mutation("an_overflow_does_not_lower_the_top", CACHE, "    top[bin] = newest;\n    base::compiler_fence();\n"
            "    if (heap->depot.give",
            "    base::compiler_fence();\n    if (heap->depot.give", "ashlar situation_fork_storm", "situations.fork_storm"),
    Mutation("a_thread_that_ends_keeps_its_cache", THREAD,
            "    forget_cache();\n    existing_process()->end_cache(cache);\n}\n\n"
            "[[gnu::noinline]] Cache* enter_thread",
            "    forget_cache();\n    static_cast<void>(cache);\n}\n\n[[gnu::noinline]] Cache* enter_thread",
            "ashlar situation_thread_turnover", "situations.thread_turnover"),
    Mutation("a_miss_adopts_no_caches", PROCESS,
            "        heap->adopt_orphans();\n        const Allocation", "        const Allocation",
            "ashlar situation_fork_storm", "situations.fork_storm"),
    Mutation("further_heaps_are_never_ticked", PROCESS, "    tick_grown();\n", "",
            "ashlar ashlar_system", "system.burst_limited"),
    Mutation("tick_skips_also_tick", BACK_END, "    if (also_tick != nullptr) also_tick();\n}\n\n}  //", "}\n\n}  //",
            "unit_cache", "unit_cache.BackEndTest.TickCallsAlsoTick"),
    Mutation("heap_grows_beside_complete_slabs", BACK_END,
            "take(may_grow())", "take(true)", "unit_cache", "unit_cache.BackEndTest.TakeRunRetires*"),
    Mutation("blocks_grow_the_heap_beside_complete_slabs", "src/malloc/cache/back_end.hpp",
            "want, fresh, may_grow());", "want, fresh, true);", "unit_cache", "unit_cache.BackEndTest.TakeBlocksRetiresCompl*"),
    Mutation("full_region_keeps_complete_slabs", BACK_END,
            "arena.retire_reclaimable(most) != 0; most", "may_grow() && most == 0; most",
            "unit_cache", "unit_cache.BackEndTest.TakeBlocksRetiresTheLastCompleteSlab*"),
    Mutation("a_bin_grows_without_its_blocks", CACHE,
            "    if (to != from) std::memcpy(to, from,", "    if (to == from) std::memcpy(to, from,",
            "unit_cache", "unit_cache.CacheTest.OverflowOfFewSlotsMovesTheBinWithItsBlocks"),
    Mutation("an_ended_thread_gets_a_cache_again", THREAD, "    if (front == &kPastCache) return checked_cache;\n", "",
            "ashlar situation_late", "situations.late"),
    Mutation("malloc_fails_before_the_constructors", PROCESS, "Heap* process() noexcept {\n",
            "static int ready = 0;\n[[gnu::constructor]] static void begin() noexcept { ready = 1; }\n"
            "Heap* process() noexcept {\n"
            "    if (ready == 0) return nullptr;\n", "ashlar situation_early situation_early_library", "situations.early"),
    Mutation("a_smaller_region_is_not_tried", PROCESS, "    while (heap == nullptr && bytes > kMinRegion) {",
            "    while (heap == nullptr && bytes > kMinRegion && bytes < kMinRegion) {",
            "ashlar situation_limits situation_refuse situation_exercise",
            "situations.ulimit_400000 situations.refused_map_134217728"),
    Mutation("every_program_prints_a_summary", AT_EXIT,
            "    if (ashlar::settings::environment().statistics)\n"
            "        descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);",
            "    const bool asked = ashlar::settings::environment().statistics;\n"
            "    descriptor = fcntl(asked ? STDERR_FILENO : STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);",
            "ashlar situation_spawn", "situations.spawn"),
    Mutation("dlopen_fails_after_32_libraries", DLOPEN, "    if (open == nullptr) open = find_next();\n",
            "    if (open == nullptr) open = find_next();\n    static unsigned planted = 0;\n"
            "    if (++planted > 32) return nullptr;\n",
            "ashlar situation_many_libraries", "situations.many_libraries"),
    Mutation("the_static_tls_is_too_large", CACHE,
            "constinit thread_local ThreadCache* tls_cache [[gnu::tls_model(\"initial-exec\")]] = &kNoCache;\n",
            "constinit thread_local ThreadCache* tls_cache [[gnu::tls_model(\"initial-exec\")]] = &kNoCache;\n"
            "[[gnu::used]] thread_local char planted[8192] [[gnu::tls_model(\"initial-exec\")]];\n",
            "ashlar situation_many_libraries", "situations.opened_last"),
    Mutation("libcs_malloc_is_linked_in", "src/CMakeLists.txt", "target_link_options(ashlar_static INTERFACE LINKER:-u,malloc)",
            "foreach(planted static object)\n"
            "  target_link_options(ashlar_${planted} INTERFACE LINKER:-u,malloc,-u,__mallinfo2)\nendforeach()",
            "situation_static_archive situation_static_object situation_static_plain",
            "situations.static_archive situations.static_object situations.static_archive_symbols "
            "situations.static_object_symbols", also=((" $<TARGET_OBJECTS:ashlar_malloc_static>)", ")"),
                  ("--wildcard ${shared_layers} ",
                   "--wildcard --weaken-symbol=*alloc* --weaken-symbol=*align --weaken-symbol=*free "
                   "--weaken-symbol=__libc_* "))),
    Mutation("a_constructor_writes_past_the_end", AT_EXIT, "prepare() noexcept {\n",
            "prepare() noexcept {\n    static volatile unsigned size = 24;\n"
            "    char* planted = static_cast<char*>(std::malloc(size));\n"
            "    if (planted != nullptr) planted[size] = 0;\n    std::free(planted);\n",
            "ashlar situation_exercise", "situations.valgrind_memcheck",
            also=(("#include <unistd.h>\n", "#include <unistd.h>\n#include <cstdlib>\n"),)),
    Mutation("a_smaller_region_is_not_tried_under_valgrind", PROCESS, "    while (heap == nullptr && bytes > kMinRegion) {",
            "    while (heap == nullptr && bytes > kMinRegion && bytes < kMinRegion) {", "ashlar situation_exercise",
            "situations.valgrind_none situations.valgrind_callgrind"),
    Mutation("libraries_bind_to_libcs_malloc", DLOPEN, "!ashlar::api::route_deep_bindings()", "mode == -1", DEEPBIND_TARGETS,
            "situations.deepbind situations.isolated situations.isolated_refused"),
    Mutation("plug_ins_get_the_hosts_functions", DLOPEN, "!ashlar::api::route_deep_bindings()",
            "ashlar::api::route_deep_bindings()",
            DEEPBIND_TARGETS, "situations.isolated"),
    Mutation("an_unpatched_symbol_table_is_ignored", DEEP_BINDING, "    munmap(copy, bytes);\n    return false;",
            "    munmap(copy, bytes);\n    return true;", DEEPBIND_TARGETS, "situations.isolated_refused"),
    Mutation("aligned_alloc_is_not_rerouted", DEEP_BINDING, "X(aligned_alloc) X(memalign) X(valloc)", "X(memalign) X(valloc)",
            DEEPBIND_TARGETS,
            "situations.isolated"),
)

OWN_NEW = "situation_own_new_"
OWN_NEW_TARGETS = " ".join(f"{OWN_NEW}{form}_{kind}" for form in ("plain", "array", "aligned", "aligned_array")
                           for kind in ("preloaded", "linked", "static"))
OWN_FUNCTIONS = (
    Mutation("forms_skip_the_programs_new", REPLACED, "    return seen != own;",
             "    return seen != own && seen == nullptr;",
            "ashlar ashlar_static " + OWN_NEW_TARGETS, "situations.own_new_*"),
    Mutation("array_forms_ask_for_arrays_only", NEW, "ashlar_own_new_array) || replaced_new();", "ashlar_own_new_array);",
            "ashlar ashlar_static " + OWN_NEW_TARGETS, "situations.own_new_plain_*"),
    Mutation("sized_array_deletes_ask_for_arrays_only", NEW,
            "ashlar_own_delete_array_aligned) ||\n           replaced_delete_aligned();",
            "ashlar_own_delete_array_aligned);", "ashlar ashlar_static " + OWN_NEW_TARGETS,
            "situations.own_new_aligned_preloaded "
            "situations.own_new_aligned_linked situations.own_new_aligned_static"),
    Mutation("nothrow_new_passes_exceptions_on", NEW,
            "    try {\n        return form(arguments...);\n    } catch (...) {\n        return nullptr;\n    }",
            "    return form(arguments...);", "ashlar ashlar_static " + OWN_NEW_TARGETS,
            "situations.own_new_*"),
    Mutation("reallocarray_skips_the_programs_realloc", MALLOC, "    if (theirs == nullptr) [[likely]]\n",
            "    if (theirs == nullptr || block != nullptr)\n",
            "ashlar situation_own_malloc situation_own_malloc_linked", "situations.own_malloc situations.own_malloc_linked"),
    Mutation("sized_frees_skip_the_programs_free", MALLOC,
            "    theirs != nullptr ? theirs(block) : api::free_sized(block, size);",
            "    theirs != nullptr && size == 0 ? theirs(block) : api::free_sized(block, size);",
            "ashlar situation_own_malloc situation_own_malloc_linked", "situations.own_malloc situations.own_malloc_linked"),
)

OWN_LIMITS = (
    Mutation("an_address_space_limit_keeps_the_reservation", SETRLIMIT, "if (resource == RLIMIT_AS && wanted",
            "if (resource == -1 && wanted",
            "api_limits", "api_limits.Limits.AddressSpaceLimitReleasesTheReservation"),
    Mutation("another_process_counts_as_this_one", SETRLIMIT, "(process == 0 || process == getpid())",
            "(process >= 0 || process == getpid())",
            "api_limits", "api_limits.Limits.LimitOfAnotherProcessKeepsTheReservation"),
    Mutation("memory_is_locked_with_the_reservation", SETRLIMIT, "(flags & MCL_CURRENT) != 0 && lockable",
            "(flags & MCL_CURRENT) == 0 && lockable",
            "api_limits", "api_limits.Limits.LockedMemoryLimitCountsForMlockallOfPresentPages"),
    Mutation("the_old_limit_is_not_returned", SETRLIMIT, "SYS_prlimit64, process, resource, wanted, before)",
            "SYS_prlimit64, process, resource, wanted, resource < 0 ? before : nullptr)",
            "ashlar situation_own_limits api_limits",
            "situations.own_limits api_limits.Limits.SetrlimitReturnsTheSystemsAnswer"),
    Mutation("a_refused_limit_is_no_error", SETRLIMIT,
            "    return static_cast<int>(syscall(SYS_prlimit64, process, resource, wanted, before));",
            "    syscall(SYS_prlimit64, process, resource, wanted, before);\n    return 0;",
            "ashlar situation_own_limits api_limits",
            "situations.own_limits api_limits.Limits.SetrlimitReturnsTheSystemsAnswer"),
    Mutation("memory_is_never_locked", SETRLIMIT, "    return static_cast<int>(syscall(SYS_mlockall, flags));", "    return 0;",
            "ashlar situation_own_limits", "situations.own_limits"),
)

REALLOC = (ENTRY, "    std::memcpy(moved, block, size < before ? size : before);",
           "    std::memcpy(moved, block, size < before ? size : before - 8);")
PROGRAMS = (
    Mutation("realloc_loses_the_end", *REALLOC, "ashlar fuzz_replay situation_libc_blocks",
             "fuzz.replay situations.libc_blocks",
            script="tests/programs/run.sh redis"),
    Mutation("realloc_loses_the_end_in_python", *REALLOC, "ashlar", script="tests/programs/run.sh python"),
    Mutation("realloc_loses_the_end_in_php", *REALLOC, "ashlar", script="tests/programs/run.sh php"),
    Mutation("realloc_loses_the_end_in_compilers", *REALLOC, "ashlar", script="tests/programs/run.sh compilers"),
    Mutation("calloc_is_not_zero", ENTRY, "0, done ? rest : bytes);", "0, done ? rest : bytes / 2);", "fuzz_replay",
            "fuzz.replay"),
    Mutation("blocks_overlap", ARENA, "    const UnitId slab = run.start;\n    if (slab == kNoUnit) return kNoUnit;\n",
            "    const UnitId slab = run.start;\n    if (slab == kNoUnit) return kNoUnit;\n"
            "    if (slab % 64 == 0 && g.units == 1) spans_->give(slab, 1);\n", "ashlar",
            script="tests/programs/run.sh rocksdb"),
)

PROGRESS_TARGETS = "ashlar steps freeze_worker"
STEPS = ("build/release/tests/progress/steps --preload build/release/src/libashlar.so --seed 1 "
         "--operation runs --operation large ")
PROGRESS = (
    Mutation("the_best_fit_waits_for_the_lock", ATOMIC, "for (; tries > 0; --tries)", "for (; tries > 0; tries -= 0)",
            PROGRESS_TARGETS,
            script=STEPS + "--points 60 --patience 2"),
    Mutation("no_search_of_the_bits_beside_the_lock", SPANS, "    if (start == kNoUnit) start = take_scan(units, align);\n", "",
            PROGRESS_TARGETS,
            script=STEPS + "--points 60 --end"),
)

ALL = (FAULTS + MEMORY + FALSE_SHARING + SHARDS + FIRST_USE + CONTENTS + MISUSE + SITUATIONS + OWN_FUNCTIONS + OWN_LIMITS +
       PROGRAMS + PROGRESS)
