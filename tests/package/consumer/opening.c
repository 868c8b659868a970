/* Opens a library that opens its neighbour. Prints "sound". */
#include <dlfcn.h>
#include <stdio.h>

int main(void) {
    void* library = dlopen(OPENER, RTLD_NOW);
    if (library == NULL) return 1;
    int (*opens)(void);
    *(void**)&opens = dlsym(library, "opens_its_neighbour");
    return opens() ? puts("sound") < 0 : 2;
}
