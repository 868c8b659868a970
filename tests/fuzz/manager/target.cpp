// The function that libFuzzer and AFL++ call with each input.
#include "manager_session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::ManagerSession(fuzz::Input(data, size)).run();
    return 0;
}
