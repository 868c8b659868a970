/* A program that has its malloc built in, as programs that link an allocator
 * statically have. */
#include <stddef.h>

static char pool[1 << 16];
static size_t used;

void* malloc(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof pool - used) return NULL;
    used += size;
    return pool + used - size;
}
void free(void* block) { (void)block; }

int main(void) { return malloc(100) == NULL; }
