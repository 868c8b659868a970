// Faults that write where the program has no memory.
#ifndef ASHLAR_MISUSE_WRITES_HPP
#define ASHLAR_MISUSE_WRITES_HPP

#include <cstddef>

namespace misuse {

void one_byte_behind(std::size_t size);
void one_byte_behind_by_realloc(std::size_t size);
void written_in_the_cache(std::size_t size);
void written_in_the_depot(std::size_t size);
void written_in_the_slab(std::size_t size);
void written_after_another_threads_free(std::size_t size);
void written_past_the_end(std::size_t size);

}  // namespace misuse

#endif
