/* ashlar.h is C: this file is compiled as such. */
#include "c_header.h"

#include <ashlar/ashlar.h>
#include <string.h>

#define CHECK(condition) \
    if (!(condition)) return __LINE__

int use_ashlar_from_c(void) {
    char* block = ash_malloc(100);
    CHECK(block != NULL);
    memset(block, 'x', 100);
    block = ash_realloc(block, 10000);
    CHECK(block != NULL && block[99] == 'x');
    CHECK(ash_malloc_usable_size(block) == ash_good_size(10000));
    ash_free(block);
    ash_free_sized(ash_calloc(10, 10), 100);
    ash_free_aligned_sized(ash_aligned_alloc(64, 640), 64, 640);

    void* blocks[10];
    CHECK(ash_malloc_batch(32, 10, blocks) == 10);
    ash_free_batch(blocks, 10);
    ash_set_limit(0, 0);
    CHECK(ash_check() == 0);
    CHECK(strlen(ash_version()) >= 5);
    return 0;
}
