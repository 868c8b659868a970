// A process with many blocks, for `ashlar report`: report_user KIND. It says
// "ready", and ends when its input does. KIND: quiet, or busy with threads that
// go on to allocate.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { blocks = 20000, most = 1500, threads = 3 };

static int busy;

static void replace(char** block, unsigned random) {
    size_t size = 1 + random % most;
    free(*block);
    *block = malloc(size);
    if (*block == NULL) abort();
    memset(*block, 1, size);
}

static void* work(void* number) {
    static char* all[threads][blocks];
    char** mine = all[(size_t)number];
    unsigned random = (unsigned)(size_t)number + 1;
    for (int i = 0; i < blocks; ++i) replace(&mine[i], random = random * 1103515245 + 12345);
    for (int i = 0; i < blocks; i += 3) {
        free(mine[i]);
        mine[i] = NULL;
    }
    while (busy) {
        random = random * 1103515245 + 12345;
        replace(&mine[(random >> 8) % blocks], random >> 4);
    }
    return NULL;
}

int main(int count, char** words) {
    pthread_t workers[threads];
    busy = count > 1 && strcmp(words[1], "busy") == 0;
    for (size_t i = 0; i < threads; ++i) pthread_create(&workers[i], NULL, work, (void*)i);
    for (size_t i = 0; i < threads && !busy; ++i) pthread_join(workers[i], NULL);
    char* large = calloc(1, (size_t)64 << 20);
    if (large == NULL) abort();
    memset(large, 1, (size_t)8 << 20);
    if (busy) usleep(300000);
    puts("ready");
    fflush(stdout);
    char end;
    (void)!read(0, &end, 1);
    _exit(large[0] != 1);
}
