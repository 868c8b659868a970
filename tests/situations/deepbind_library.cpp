// Opened by `deepbind`: takes, frees, and lets libc take.
#include <cstdlib>

#include <cstdio>

extern "C" {
__attribute__((visibility("default"))) unsigned char* library_take(std::size_t size);
__attribute__((visibility("default"))) void library_give(unsigned char* block);
__attribute__((visibility("default"))) char* library_line();

unsigned char* library_take(std::size_t size) {
    return static_cast<unsigned char*>(std::malloc(size));
}
void library_give(unsigned char* block) { std::free(block); }
char* library_line() {
    char* line = nullptr;
    return asprintf(&line, "%d", 42) > 0 ? line : nullptr;
}
}
