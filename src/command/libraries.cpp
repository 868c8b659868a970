#include "command/libraries.hpp"

#include <glob.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "command/elf_file.hpp"
#include "command/program.hpp"

namespace ashlar::command {
namespace {

namespace fs = std::filesystem;

// File names per allocator, the preferred first; a * stands for versions, of
// which the last in order is taken. The names that only a developer's package
// has (no version) come last, so that what programs load is what is compared.
struct Family {
    const char* name;
    std::vector<const char*> files;
};
const std::vector<Family>& families() {
    static const std::vector<Family> all = {
        {"jemalloc", {"libjemalloc.so.2", "libjemalloc.so.1", "libjemalloc.so"}},
        {"mimalloc",
         {"libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.*", "libmimalloc.so.1",
          "libmimalloc.so"}},
        {"tcmalloc",
         {"libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so",
          "libtcmalloc.so"}},
        {"tbbmalloc", {"libtbbmalloc_proxy.so.2", "libtbbmalloc_proxy.so"}},
        {"snmalloc", {"libsnmallocshim.so", "libsnmallocshim-rust.so"}},
        {"rpmalloc", {"librpmallocwrap.so", "librpmalloc.so"}},
        {"hoard", {"libhoard.so"}},
        {"hardened", {"libhardened_malloc.so"}},
        {"mesh", {"libmesh.so"}},
        {"scudo",
         {"libscudo.so", "libclang_rt.scudo_standalone-*.so", "libclang_rt.scudo_standalone.so"}},
    };
    return all;
}

std::vector<std::string> matches(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
        paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    return paths;
}

// The directories in a linker configuration and in the files that it includes.
void read_configuration(const std::string& path, std::vector<std::string>& directories) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string word;
        if (!(words >> word)) continue;
        if (word == "include") {
            while (words >> word) {
                const bool absolute = word.front() == '/';
                for (const auto& included : matches(absolute ? word : "/etc/" + word))
                    read_configuration(included, directories);
            }
        } else {
            directories.push_back(word);
        }
    }
}

std::vector<std::string> linker_directories() {
    std::vector<std::string> directories;
    read_configuration("/etc/ld.so.conf", directories);
    for (const char* usual : {"/usr/local/lib", "/lib64", "/usr/lib64", "/lib", "/usr/lib"})
        directories.emplace_back(usual);
    return directories;
}

// Compilers keep their run-time libraries, scudo among them, away from the
// linker's directories.
std::vector<std::string> compiler_directories() {
    std::vector<std::string> directories;
    for (const char* pattern : {"/usr/lib/llvm-*/lib/clang/*/lib/*", "/usr/lib/clang/*/lib/*",
                                "/usr/lib64/clang/*/lib/*"}) {
        for (auto& directory : matches(pattern)) directories.push_back(std::move(directory));
    }
    return directories;
}

bool is_native_library(const std::string& path) {
    const auto file = read_elf(path);
    return file && file->native && file->shared_object;
}

std::string find_in(const std::vector<std::string>& directories, const std::string& file) {
    for (const auto& directory : directories) {
        auto paths = matches(directory + "/" + file);
        std::reverse(paths.begin(), paths.end());
        for (const auto& path : paths) {
            if (is_native_library(path)) return path;
        }
    }
    return {};
}

}  // namespace

std::string find_ashlar() {
    if (const char* chosen = std::getenv("ASHLAR_LIBRARY"); chosen != nullptr && *chosen != '\0') {
        if (!is_native_library(chosen)) {
            throw Failure(2, std::string("ASHLAR_LIBRARY=") + chosen +
                                 ": is not a shared library of this machine");
        }
        return fs::absolute(chosen).lexically_normal();
    }
    const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
    for (const char* directory : {".", "..", "../src", ASHLAR_LIBDIR, "../lib"}) {
        const fs::path path = (here / directory / "libashlar.so").lexically_normal();
        if (is_native_library(path)) return path;
    }
    throw Failure(2, "can't find libashlar.so beside " + here.string() + " or in " +
                         (here / ASHLAR_LIBDIR).lexically_normal().string() +
                         "; name it in ASHLAR_LIBRARY");
}

std::vector<Allocator> find_installed() {
    const auto linker = linker_directories();
    const auto compiler = compiler_directories();
    std::vector<Allocator> installed;
    for (const Family& family : families()) {
        std::string path;
        for (const char* file : family.files) {
            if (path.empty()) path = find_in(linker, file);
            if (path.empty()) path = find_in(compiler, file);
        }
        if (!path.empty()) installed.push_back({family.name, path});
    }
    return installed;
}

Allocator named_allocator(const std::string& name_and_library) {
    const auto equals = name_and_library.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == name_and_library.size()) {
        throw Failure(2, "-a " + name_and_library + ": expected NAME=LIB");
    }
    const std::string name = name_and_library.substr(0, equals);
    const std::string library = name_and_library.substr(equals + 1);
    if (name.find(',') != std::string::npos)
        throw Failure(2, "-a " + name_and_library + ": a name can't hold a comma");
    std::string path = library;
    if (library.find('/') == std::string::npos && !fs::exists(library))
        path = find_in(linker_directories(), library);
    if (path.empty() || !fs::exists(path))
        throw Failure(2, "-a " + name_and_library + ": no such library");
    if (!is_native_library(path))
        throw Failure(2, "-a " + name_and_library + ": is not a shared library of this machine");
    return {name, fs::absolute(path).lexically_normal()};
}

}  // namespace ashlar::command
