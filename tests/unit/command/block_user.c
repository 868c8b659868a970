// A process with blocks whose states are known, for `ashlar core` and
// `--address`: block_user abort|wait. It prints a line for each kind of
// address, then "ready", and aborts, or waits for the end of its input.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The depot keeps many small blocks, and few large ones.
enum { blocks = 2000, small = 48, large = 3000 };

static char* freed[2 * blocks];
static char foreign[64];

static char* block_of(size_t bytes) {
    char* block = malloc(bytes);
    if (block == NULL) abort();
    memset(block, 1, bytes);
    return block;
}

static void print(const char* kind, const void* address) { printf("%s %p\n", kind, address); }

int main(int count, char** words) {
    char* live = block_of(1000);
    char* run = block_of(300000);
    char* mapped = block_of((size_t)40 << 20);
    for (int i = 0; i < 2 * blocks; ++i) freed[i] = block_of(i < blocks ? small : large);
    char* last = block_of(500);
    for (int i = 0; i < 30; ++i) {  // in slabs of several units
        char* block = block_of(20000);
        if (i % 3 == 0) free(block);
    }
    print("live", live);
    print("large", run);
    print("mapped", mapped);
    print("foreign", foreign);
    print("last", last);
    for (int i = 0; i < 2 * blocks; i += 80) print("freed", freed[i]);
    puts("ready");
    fflush(stdout);
    for (int i = 0; i < 2 * blocks; ++i) free(freed[i]);
    free(last);
    if (count > 1 && strcmp(words[1], "abort") == 0) abort();
    puts("done");
    fflush(stdout);
    char end;
    return (int)read(0, &end, 1);
}
