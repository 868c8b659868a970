// A process whose thread prepares an operation at full speed and is then
// stepped through it, one instruction at a time, until it is killed or goes on.
#ifndef ASHLAR_KILL_VICTIM_HPP
#define ASHLAR_KILL_VICTIM_HPP

#include <optional>

#include "operations.hpp"
#include "support/tracee.hpp"

namespace kills {

class Victim {
  public:
    /// Starts the process. Returns when it has prepared the operation.
    Victim(File& file, Notes& notes, const Operation& operation);
    ~Victim();
    Victim(const Victim&) = delete;
    Victim& operator=(const Victim&) = delete;

    /// Goes to the operation's first instruction.
    void begin();
    /// Executes an instruction. False: the operation is over.
    [[nodiscard]] bool step();
    /// Executes up to `count` instructions. False: the operation is over.
    [[nodiscard]] bool steps(std::uint64_t count);
    void kill();
    /// Lets it finish, detach and end. Throws if it fails.
    void finish();
    [[nodiscard]] std::string where() const;

  private:
    [[noreturn]] static void live(File& file, Notes& notes, const Operation& operation, int go);
    [[nodiscard]] pid_t start(File& file, Notes& notes, const Operation& operation, int& go);

    const Operation& operation_;
    int go_ = -1;
    pid_t process_;
    std::optional<tracing::Tracee> tracee_;
    std::uintptr_t back_ = 0;  // the operation returns to here
    std::uintptr_t sp_ = 0;    // its stack at entry
};

}  // namespace kills

#endif
