#include "command/linker.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "command/program.hpp"

namespace ashlar::command {
namespace {

[[noreturn]] void become(const std::string& linker, const std::string& program,
                         const std::string& preload, int output) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::setenv("LD_PRELOAD", preload.c_str(), 1);
    ::execl(linker.c_str(), linker.c_str(), "--list", program.c_str(), static_cast<char*>(nullptr));
    ::_exit(kNotFound);
}

std::string read_all(int file) {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t n = ::read(file, part.data(), part.size());
        if (n > 0) text.append(part.data(), static_cast<std::size_t>(n));
        if (n == 0 || (n < 0 && errno != EINTR)) return text;
    }
}

// "\tname => path (address)" or "\tpath (address)"; else a complaint.
void read_line(const std::string& line, Listing& listing) {
    const std::size_t arrow = line.find(" => ");
    const std::size_t from = arrow != std::string::npos ? arrow + 4 : line.find_first_not_of('\t');
    const std::size_t to = line.rfind(" (0x");
    if (line.empty() || from == std::string::npos) return;
    if (line.front() != '\t' || to == std::string::npos || to < from) {
        const std::size_t begin = line.find_first_not_of("\t ");
        if (line.find("statically linked") == std::string::npos)
            listing.complaints.push_back(line.substr(begin));
        return;
    }
    const std::string path = line.substr(from, to - from);
    if (path.find('/') != std::string::npos)  // else the kernel's own
        listing.paths.push_back(std::filesystem::absolute(path).lexically_normal());
}

}  // namespace

Listing list_libraries(const std::string& linker, const std::string& program,
                       const std::string& preload) {
    int ends[2];
    if (::pipe(ends) != 0) throw Failure(2, "no pipe: the system has too many open files");
    const pid_t child = ::fork();
    if (child == 0) become(linker, program, preload, ends[1]);
    ::close(ends[1]);
    const std::string text = child > 0 ? read_all(ends[0]) : "";
    ::close(ends[0]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound))
        throw Failure(2, linker + ": can't be started to list the libraries of " + program);
    Listing listing;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) read_line(line, listing);
    return listing;
}

}  // namespace ashlar::command
