// The target of a command: a running process, or the core file of one.
#ifndef ASHLAR_COMMAND_TARGET_HPP
#define ASHLAR_COMMAND_TARGET_HPP

#include <cstdint>
#include <memory>
#include <string>

#include "command/core_file.hpp"
#include "malloc/inspect/survey.hpp"

namespace ashlar::command {

struct DestroySurvey {
    void operator()(inspect::Survey* survey) const noexcept { inspect::Survey::destroy(survey); }
};
using SurveyPointer = std::unique_ptr<inspect::Survey, DestroySurvey>;

// Throws Failure: says why `name` has no heap that can be read. `missing`:
// bytes that a core file lacks.
[[noreturn]] void explain(const std::string& name, inspect::Found found, std::uint64_t missing = 0);

class Target {
  public:
    explicit Target(int process) : process_(process) {}
    explicit Target(const CoreFile& core) : process_(core.process()), core_(&core) {}

    // "process 12", "core.12"
    [[nodiscard]] std::string name() const;
    // The name of the program; empty: not known.
    [[nodiscard]] std::string program() const;
    [[nodiscard]] int process() const noexcept { return process_; }
    // The core file; nullptr: a running process.
    [[nodiscard]] const CoreFile* core() const noexcept { return core_; }
    // Everything of it. The visitor may be null. Throws Failure if it can't be
    // read, or has no heap of this library.
    [[nodiscard]] SurveyPointer survey(const inspect::UnitVisitor* visitor) const;
    // The same without resident pages: fast, also for a large core.
    [[nodiscard]] SurveyPointer survey_heaps(const inspect::UnitVisitor& visitor) const;

  private:
    [[nodiscard]] SurveyPointer open(std::uint64_t& heap) const;

    int process_;
    const CoreFile* core_ = nullptr;
};

}  // namespace ashlar::command

#endif
