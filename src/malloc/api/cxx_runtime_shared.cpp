// Finds the C++ runtime of the program, if it has one. One that was loaded at
// the start is found by weak symbols. A later one is found by name, also if a
// plug-in has loaded it privately. Any thread.
#include <dlfcn.h>
#include <cstdlib>
#include <initializer_list>

#include <unistd.h>

#include "base/line.hpp"
#include "malloc/api/cxx_runtime.hpp"

extern "C" {
[[gnu::weak]] std::new_handler ashlar_get_new_handler() noexcept asm("_ZSt15get_new_handlerv");
[[gnu::weak]] void ashlar_throw_bad_alloc() asm("_ZSt17__throw_bad_allocv");
}

namespace ashlar::api {

namespace {

template <class F>
F find(F weak, const char* name) noexcept {
    if (weak != nullptr) return weak;
    void* found = dlsym(RTLD_DEFAULT, name);
    if (found == nullptr) {
        for (const char* library : {"libstdc++.so.6", "libc++abi.so.1"}) {
            void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
            if (handle != nullptr && found == nullptr) found = dlsym(handle, name);
        }
    }
    return reinterpret_cast<F>(found);
}

}  // namespace

std::new_handler current_new_handler() noexcept {
    const auto get = find(ashlar_get_new_handler, "_ZSt15get_new_handlerv");
    return get != nullptr ? get() : nullptr;
}

void throw_bad_alloc() {
    const auto raise = find(ashlar_throw_bad_alloc, "_ZSt17__throw_bad_allocv");
    if (raise != nullptr) raise();
    base::Line line;
    line.text("ashlar: out of memory in operator new, ");
    line.text("and the program has no C++ runtime to throw with").write(STDERR_FILENO);
    std::abort();
}

}  // namespace ashlar::api
