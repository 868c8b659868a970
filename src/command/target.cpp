#include "command/target.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "command/program.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotRead = 2;
constexpr int kNoHeap = 1;

}  // namespace

void explain(const std::string& name, inspect::Found found, std::uint64_t missing) {
    switch (found) {
        case inspect::Found::no_process:
            throw Failure(kCannotRead, name + ": " + std::strerror(errno));
        case inspect::Found::refused:
            throw Failure(kCannotRead, name +
                                           " may not be read: that needs the rights of a "
                                           "debugger, as root has (see ptrace_scope)");
        case inspect::Found::other_version:
            throw Failure(kNoHeap, name + " has a heap of another version of Ashlar");
        default:
            throw Failure(kNoHeap,
                          name + " has no heap of Ashlar" +
                              (missing == 0 ? ""
                                            : ": it is truncated, " + std::to_string(missing) +
                                                  " bytes are missing"));
    }
}

std::string Target::name() const {
    return core_ == nullptr ? "process " + std::to_string(process_) : core_->path();
}

std::string Target::program() const {
    if (core_ != nullptr) return core_->program();
    std::ifstream file("/proc/" + std::to_string(process_) + "/comm");
    std::string program;
    std::getline(file, program);
    return program;
}

// Finds the process heap.
SurveyPointer Target::open(std::uint64_t& heap) const {
    SurveyPointer survey(core_ == nullptr ? inspect::Survey::make(process_)
                                          : inspect::Survey::make(process_, core_->view()));
    if (survey == nullptr) throw Failure(kCannotRead, std::strerror(errno));
    errno = 0;
    const inspect::Found found =
        core_ == nullptr
            ? survey->find_heap(heap)
            : survey->find_heap(core_->mappings().data(), core_->mappings().size(), heap);
    if (found != inspect::Found::heap)
        explain(name(), found, core_ == nullptr ? 0 : core_->missing());
    return survey;
}

SurveyPointer Target::survey(const inspect::UnitVisitor* visitor) const {
    std::uint64_t heap = 0;
    SurveyPointer survey = open(heap);
    if (core_ == nullptr) {
        survey->take(heap, visitor);
    } else {
        survey->take(heap, core_->mappings().data(), core_->mappings().size(), visitor);
    }
    return survey;
}

SurveyPointer Target::survey_heaps(const inspect::UnitVisitor& visitor) const {
    std::uint64_t heap = 0;
    SurveyPointer survey = open(heap);
    survey->take_heaps(heap, visitor);
    return survey;
}

}  // namespace ashlar::command
