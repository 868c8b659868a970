// A thread under ptrace: stop it, step it, read its position, let it go on.
// Only the thread that constructs it may use it.
#ifndef ASHLAR_TESTS_SUPPORT_TRACEE_HPP
#define ASHLAR_TESTS_SUPPORT_TRACEE_HPP

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tracing {

struct Place {
    std::uintptr_t pc;
    std::uintptr_t sp;
    std::uintptr_t link;  // the return address in a register, where the machine has that
};

class Tracee {
  public:
    /// Attaches without stopping the thread. Throws std::system_error; EPERM
    /// where tracing is not permitted.
    explicit Tracee(pid_t thread);
    ~Tracee();
    Tracee(const Tracee&) = delete;
    Tracee& operator=(const Tracee&) = delete;

    /// How a run or a step of the thread ended.
    enum class Event { stopped, marked, gone };

    void stop();   // returns when the thread stands still
    Event step();  // one instruction
    void go_on();
    /// Waits until the thread raises SIGUSR2, which is not delivered, or ends.
    Event go_to_mark();
    /// Ends the thread where it is: it goes on at `way_out`, which must call
    /// exit at once.
    void end(std::uintptr_t way_out);

    [[nodiscard]] Place place() const;
    [[nodiscard]] std::uintptr_t pc() const { return place().pc; }
    /// The return address of the function that begins at this instruction.
    [[nodiscard]] std::uintptr_t return_address(const Place& entry) const;

  private:
    Event wait();

    pid_t thread_;
    int signal_ = 0;  // arrived while the thread was traced; delivered when it goes on
    bool stopped_ = false;
    bool gone_ = false;
};

/// The executable mappings of one file in a process.
class Text {
  public:
    Text(pid_t process, const std::string& path);
    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
    /// Function and line if addr2line knows them; else the offset in the file.
    [[nodiscard]] std::string describe(std::uintptr_t address) const;

  private:
    struct Range {
        std::uintptr_t begin;
        std::uintptr_t end;
        std::uintptr_t load_bias;  // address minus this = the address in the file
    };
    std::string path_;
    std::vector<Range> ranges_;
};

}  // namespace tracing

#endif
