/* Functions of libc that call malloc themselves: fork, threads, stdio, getline.
 * Prints "sound" if all of them use one heap: Ashlar's, or libc's in the
 * control, which is built with CONTROL. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CONTROL
#include <ashlar/ashlar.h>
#endif

static void* use(void* unused) {
    for (int i = 0; i < 1000; ++i) {
        char* block = malloc((size_t)i * 7 + 1);
        if (block == NULL) abort();
        memset(block, i, (size_t)i * 7 + 1);
        free(block);
    }
    return unused;
}

static void run_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) {
        if (pthread_create(&threads[i], NULL, use, NULL) != 0) abort();
    }
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

static void run_fork(void) {
    const pid_t child = fork();
    if (child == 0) {
        run_threads();
        _exit(42);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
        abort();
}

static void read_back(const char* path) {
    FILE* file = fopen(path, "r");
    if (file == NULL) abort();
    char* line = NULL;
    size_t room = 0;
    if (getline(&line, &room, file) <= 0) abort();
#ifndef CONTROL
    /* libc's getline made this block. Only the heap behind ash_* knows its
       size. */
    if (ash_malloc_usable_size(line) < room) abort();
    if (ash_check() != 0) abort();
#endif
    free(line);
    fclose(file);
}

int main(int argc, char** argv) {
    (void)argc;
    run_threads();
    run_fork();
    read_back(argv[1]);
    puts("sound");
    return 0;
}
