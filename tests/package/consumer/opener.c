/* A library that opens another, which only its own RUNPATH leads to: dlopen
 * must know the caller, whatever malloc is there. */
#include <dlfcn.h>
#include <stddef.h>

int opens_its_neighbour(void);
int opens_its_neighbour(void) { return dlopen("libneighbour.so", RTLD_NOW) != NULL; }
