"""Mutations of guarded pages; the same table as in bugs.py, and edges E60 and E61 weakened one at a time."""
from bugs import Bug
from edges import weaker

GUARDED = "src/malloc/guards/guarded_blocks.cpp"
GUARDED_H = "src/malloc/guards/guarded_blocks.hpp"
RECORD = "src/malloc/guards/guard_record.cpp"
RECORD_H = "src/malloc/guards/guard_record.hpp"

PAGES = (
    Bug("a_page_is_claimed_by_load_and_store", RECORD_H,
        "return state_.cas(from.word, to.word, base::acq_rel, base::acq);",
        "if (state_.load(base::acq) != from.word) return false;\n        state_.store(to.word, base::rel);\n"
        "        return true;", "guards.claim"),
    Bug("a_page_is_free_before_it_is_closed", GUARDED,
        "    static_cast<void>(region::close(at(page(index)), page_bytes_));\n"
        "    held_.fetch_sub(size, rlx);  // relaxed, both: as in take()\n    release(index);\n",
        "    held_.fetch_sub(size, rlx);\n    release(index);\n"
        "    static_cast<void>(region::close(at(page(index)), page_bytes_));\n", "guards.reuse"),
    Bug("a_freed_page_is_not_closed", GUARDED,
        "    static_cast<void>(region::close(at(page(index)), page_bytes_));\n", "", "guards.reuse"),
    Bug("a_record_is_not_looked_at_again", RECORD, "copy.whole = state().word == copy.state.word && ", "copy.whole = ",
        "guards.copy"),
    Bug("a_copy_of_a_taken_page_is_whole", RECORD, " && copy.state.kind() != PageState::taken;", ";", "guards.copy"),
    Bug("a_taken_page_keeps_the_last_free", RECORD, "    freed_.set({});\n", "", "guards.copy"),
    Bug("a_live_record_has_no_block_yet", RECORD, "    block_.store(block, rel);\n    size_.store(size, rel);\n",
        "    size_.store(size, rel);\n    if (block != size) block_.store(block, rel);\n", "guards.live guards.copy"),
)

EDGES = (
    weaker("E60", "holder_finishes", RECORD_H, "state_.store(to.word, base::<rel>);", "rel", "rlx", "guards"),
    weaker("E60", "next_holder_acquires", RECORD_H, "state_.cas(from.word, to.word, base::<acq_rel>, base::acq);", "acq_rel",
           "rel", "guards"),
    weaker("E60", "next_holder_releases", RECORD_H, "state_.cas(from.word, to.word, base::<acq_rel>, base::acq);", "acq_rel",
           "acq", ""),
    weaker("E60", "change_that_fails", RECORD_H, "state_.cas(from.word, to.word, base::acq_rel, base::<acq>);", "acq", "rlx",
           ""),
    weaker("E60", "state_acquires", RECORD_H, "{state_.load(base::<acq>)}", "acq", "rlx", "guards"),
    weaker("E60", "pool_is_started", GUARDED, "reinterpret_cast<std::uintptr_t>(start), base::<rel>);", "rel", "rlx",
           "guards.start"),
    weaker("E60", "pool_acquires", GUARDED_H, "range_.start.load(base::<acq>);", "acq", "rlx", "guards.start"),
    weaker("E61", "calls_are_cleared", RECORD, "thread.store(0, <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "count_releases", RECORD, "count.store(from.count, <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "frames_release", RECORD, "frames[i].store(from.frames[i], <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "calls_are_there", RECORD, "thread.store(from.thread, <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "thread_acquires", RECORD, "thread.load(<acq>);", "acq", "base::rlx", "guards.copy"),
    weaker("E61", "count_acquires", RECORD, "count.load(<acq>);", "acq", "base::rlx", "guards.copy"),
    weaker("E61", "frames_acquire", RECORD, "frames[i].load(<acq>);", "acq", "base::rlx", "guards.copy"),
    weaker("E61", "block_releases", RECORD, "block_.store(block, <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "size_releases", RECORD, "size_.store(size, <rel>);", "rel", "base::rlx", "guards.copy"),
    weaker("E61", "block_acquires", RECORD, "block_.load(<acq>);", "acq", "base::rlx", "guards.copy"),
    weaker("E61", "size_acquires", RECORD, "size_.load(<acq>);", "acq", "base::rlx", "guards.copy"),
)

BUGS = PAGES + EDGES
