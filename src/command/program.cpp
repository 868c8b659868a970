#include "command/program.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "command/elf_file.hpp"

namespace ashlar::command {
namespace {

// Of scripts that name scripts; the kernel's own limit is near.
constexpr int kMostInterpreters = 4;

bool is_regular(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

[[noreturn]] void not_executable(const std::string& path) {
    struct stat status {};
    const bool directory = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    throw Failure(kNotExecutable, path + (directory ? ": is a directory" : ": is not executable"));
}

// The program that the kernel starts for a script, or nothing where the file is
// no script.
std::optional<std::string> script_interpreter(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char mark[2] = {};
    std::string line;
    if (!file.read(mark, sizeof(mark)) || mark[0] != '#' || mark[1] != '!' ||
        !std::getline(file, line))
        return std::nullopt;
    std::istringstream words(line);
    std::string interpreter;
    words >> interpreter;
    return interpreter;
}

}  // namespace

std::string find_program(const std::string& name) {
    if (name.empty()) throw Failure(kNotFound, "the program's name is empty");
    if (name.find('/') != std::string::npos) {
        struct stat status {};
        if (::stat(name.c_str(), &status) != 0)
            throw Failure(kNotFound, name + ": " + std::strerror(errno));
        if (!is_regular(name) || ::access(name.c_str(), X_OK) != 0) not_executable(name);
        return name;
    }
    const char* value = std::getenv("PATH");
    std::istringstream directories(value != nullptr ? value : "/bin:/usr/bin");
    std::string directory;
    std::string denied;
    while (std::getline(directories, directory, ':')) {
        std::string path = directory.empty() ? "./" + name : directory + "/" + name;
        if (!is_regular(path)) continue;
        if (::access(path.c_str(), X_OK) == 0) return path;
        denied = path;
    }
    if (!denied.empty()) not_executable(denied);
    throw Failure(kNotFound, name + ": no such program in PATH");
}

bool gains_privileges(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return false;
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != ::getuid()) return true;
    if ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 &&
        status.st_gid != ::getgid())
        return true;
    return ::getuid() != 0 && ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

std::string interpreter_of(const std::string& program) {
    std::string path = program;
    for (int depth = 0; depth < kMostInterpreters; ++depth) {
        const auto interpreter = script_interpreter(path);
        if (!interpreter) break;
        path = *interpreter;
    }
    return path;
}

std::vector<std::string> preload_warnings(const std::string& program) {
    const std::string path = interpreter_of(program);
    const auto file = read_elf(path);
    if (!file) return {};
    std::vector<std::string> warnings;
    const std::string ignored = ": LD_PRELOAD has no effect on it, its malloc stays what it is";
    if (!file->native) {
        warnings.push_back(path + " is built for another architecture" + ignored);
    } else if (!file->has_interpreter) {
        warnings.push_back(path + " is statically linked" + ignored);
    } else if (gains_privileges(path)) {
        warnings.push_back(
            path + " runs with the privileges of its owner (setuid, setgid or capabilities)" +
            ignored);
    } else if (file->defines_malloc) {
        warnings.push_back(path + " has a malloc of its own built in" + ignored);
    }
    return warnings;
}

std::string preload_value(const std::string& library) {
    if (library.find_first_of(" :\t\n") != std::string::npos) {
        throw Failure(2, library +
                             ": LD_PRELOAD can't hold a path with a space or a colon; move the "
                             "library or link to it");
    }
    const char* present = std::getenv("LD_PRELOAD");
    if (present == nullptr || *present == '\0') return library;
    return library + ":" + present;
}

}  // namespace ashlar::command
