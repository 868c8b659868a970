// The function that libFuzzer and AFL++ call with each input.
#include <cstddef>
#include <cstdint>

#include "session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Session(fuzz::Input(data, size)).run();
    return 0;
}
