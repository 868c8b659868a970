// libc allocates blocks that the program frees, and the other way round: one
// malloc serves both.
#include <cerrno>
#include <cwchar>
#include <string>

#include <dirent.h>
#include <netdb.h>
#include <sys/types.h>

#include "situation.hpp"

namespace {

void read_lines() {
    FILE* file = std::tmpfile();
    situation::require(file != nullptr, "tmpfile");
    const std::string text(100000, 'l');
    for (int i = 0; i < 20; ++i)
        situation::require(std::fprintf(file, "%s\n", text.c_str()) > 0, "fprintf");
    std::rewind(file);
    char* line = static_cast<char*>(std::malloc(10));  // getline must be able to resize it
    std::size_t capacity = 10;
    int lines = 0;
    while (getline(&line, &capacity, file) > 0) {
        situation::require(std::strlen(line) == text.size() + 1, "a line's length");
        ++lines;
    }
    situation::require(lines == 20, "the number of lines");
    std::free(line);
    std::rewind(file);
    char* field = nullptr;
    capacity = 0;
    situation::require(getdelim(&field, &capacity, 'x', file) > 0, "getdelim");
    std::free(field);
    situation::require(std::fclose(file) == 0, "fclose");
}

void write_to_memory() {
    char* buffer = nullptr;
    std::size_t size = 0;
    FILE* stream = open_memstream(&buffer, &size);
    situation::require(stream != nullptr, "open_memstream");
    for (int i = 0; i < 10000; ++i) std::fprintf(stream, "%d,", i);
    situation::require(std::fclose(stream) == 0 && size == std::strlen(buffer),
                       "a memory stream's size");
    std::free(buffer);
}

int keep_all(const dirent*) { return 1; }

}  // namespace

int main() {
    situation::require_ashlar();
    read_lines();
    write_to_memory();

    char* text = nullptr;
    situation::require(asprintf(&text, "%0500d", 7) == 500, "asprintf");
    char* copy = strdup(text);
    char* part = strndup(text, 10);
    situation::require(copy != nullptr && part != nullptr && std::strcmp(copy, text) == 0 &&
                           std::strlen(part) == 10,
                       "strdup");
    std::free(part);
    std::free(copy);
    std::free(text);
    wchar_t* wide = wcsdup(L"wide");
    situation::require(wide != nullptr && std::wcslen(wide) == 4, "wcsdup");
    std::free(wide);

    char* path = realpath("/proc/self/../self/exe", nullptr);
    situation::require(path != nullptr && path[0] == '/', "realpath");
    std::free(path);
    char* directory = getcwd(nullptr, 0);
    situation::require(directory != nullptr && directory[0] == '/', "getcwd");
    std::free(directory);

    dirent** entries = nullptr;
    const int count = scandir("/", &entries, keep_all, alphasort);
    situation::require(count > 2, "scandir");
    for (int i = 0; i < count; ++i) std::free(entries[i]);
    std::free(entries);

    addrinfo* addresses = nullptr;
    situation::require(getaddrinfo("127.0.0.1", "80", nullptr, &addresses) == 0, "getaddrinfo");
    freeaddrinfo(addresses);

    for (int i = 0; i < 1000; ++i) {
        situation::require(setenv(("SITUATION_" + std::to_string(i)).c_str(), "value", 1) == 0,
                           "setenv");
    }
    auto* buffer = static_cast<char*>(std::malloc(1 << 16));
    situation::require(setvbuf(stdout, buffer, _IOFBF, 1 << 16) == 0, "setvbuf");
    std::puts("done");
    return 0;
}
