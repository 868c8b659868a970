// A thread under ptrace: stop it, step it, read where it is, let it go on. Only the thread that constructs it may use it.
#ifndef ASHLAR_PROGRESS_TRACEE_HPP
#define ASHLAR_PROGRESS_TRACEE_HPP

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace progress {

class Tracee {
  public:
    /// Attaches without stopping the thread. Throws std::system_error; EPERM where tracing is not permitted.
    explicit Tracee(pid_t thread);
    ~Tracee();
    Tracee(const Tracee&) = delete;
    Tracee& operator=(const Tracee&) = delete;

    void stop();  // returns when the thread stands still
    void step();  // one instruction
    void go_on();
    [[nodiscard]] std::uintptr_t pc() const;

  private:
    void wait();

    pid_t thread_;
    int signal_ = 0;  // one that arrived while the thread was traced; goes to it when it goes on
    bool stopped_ = false;
};

/// The executable mappings of one file in a process.
class Text {
  public:
    Text(pid_t process, const std::string& path);
    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
    /// Function and line, as far as addr2line can tell; else the offset in the file.
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

}  // namespace progress

#endif
