// Runs a function that may misuse a heap, and returns the line with which the
// library would have ended the program; "" if it would not. The library's
// write() and abort() are wrapped. Any thread.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_CHECKS_TOLD_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_CHECKS_TOLD_HPP

#include <functional>
#include <string>

[[nodiscard]] std::string told(const std::function<void()>& misuse);

// The line of a report, from its parts.
[[nodiscard]] std::string line(const char* fault, const void* pointer, const std::string& detail);

#endif
