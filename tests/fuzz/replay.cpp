// usage: fuzz_replay FILE-OR-DIRECTORY... [--random COUNT SEED]
// Runs inputs without a fuzzer, and random ones; any compiler can build it. If
// an input fails, its name is on stderr.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string running;

void say_which(int) {
    const std::string line = "fuzz: the input was " + running + "\n";
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(2);
    signal(SIGABRT, SIG_DFL);
}

void run(const std::string& name, const std::vector<std::uint8_t>& bytes) {
    running = name;
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::vector<std::uint8_t> read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Random inputs, which depend on the seed alone. To run one that failed:
// --random 1 SEED+i.
void run_random(std::uint64_t count, std::uint64_t seed) {
    for (std::uint64_t i = 0; i < count; ++i) {
        std::mt19937_64 random(seed + i);
        std::vector<std::uint8_t> bytes(random() % 3000);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
        run("--random 1 " + std::to_string(seed + i), bytes);
    }
}

}  // namespace

int main(int argc, char** argv) {
    signal(SIGABRT, say_which);
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) == "--random" && i + 2 < argc) {
            run_random(std::strtoull(argv[i + 1], nullptr, 10),
                       std::strtoull(argv[i + 2], nullptr, 10));
            count += std::strtoull(argv[i + 1], nullptr, 10);
            i += 2;
            continue;
        }
        std::vector<std::filesystem::path> files;
        if (std::filesystem::is_directory(argv[i])) {
            for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
                files.push_back(entry.path());
        } else {
            files.emplace_back(argv[i]);
        }
        std::sort(files.begin(), files.end());
        for (const auto& file : files) run(file.string(), read(file));
        count += files.size();
    }
    std::printf("%zu inputs\n", count);
    return count > 0 ? 0 : 2;
}
