// The function that libFuzzer and AFL++ call with each input.
#include "shared_session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::SharedWorld world;
    fuzz::SharedSession(world, fuzz::Input(data, size)).run();
    return 0;
}
