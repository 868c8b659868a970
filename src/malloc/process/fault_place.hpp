// The part of a full report that says what lies at the address: the block and
// its neighbours, or the live block that is nearest. Everything is read by
// calls that fail instead of faulting. One thread at a time.
#ifndef ASHLAR_MALLOC_PROCESS_FAULT_PLACE_HPP
#define ASHLAR_MALLOC_PROCESS_FAULT_PLACE_HPP

namespace ashlar::cache {

// Returns where the block begins; the pointer itself, if there is none. Clears
// `whole` if some could not be written.
const void* print_place(int descriptor, const void* pointer, bool& whole) noexcept;

}  // namespace ashlar::cache

#endif
