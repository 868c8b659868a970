/* A program that never names an allocation function: only libc's own stdio asks
 * for one. */
#include <stdio.h>

int main(int argc, char** argv) {
    (void)argc;
    FILE* file = fopen(argv[1], "r");
    if (file == NULL) return 1;
    const int first = fgetc(file);
    fclose(file);
    return first == EOF ? 1 : puts("sound") < 0;
}
