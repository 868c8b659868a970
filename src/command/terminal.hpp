// A terminal whose screen a command takes over. It is restored by the
// destructor, before the process ends by a signal, and while it is stopped.
#ifndef ASHLAR_COMMAND_TERMINAL_HPP
#define ASHLAR_COMMAND_TERMINAL_HPP

#include <termios.h>

#include <string>

namespace ashlar::command {

enum class Key { none, quit, up, down, left, right, other };

class Terminal {
  public:
    /// Takes over the screen if stdout is a terminal; else it changes nothing,
    /// and there are no keys.
    Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal();

    [[nodiscard]] bool is_screen() const noexcept { return screen_; }
    [[nodiscard]] int rows() const noexcept { return rows_; }
    [[nodiscard]] int columns() const noexcept { return columns_; }

    /// Waits for a key, a new size, or the end of this time. Key::other: draw
    /// again. A signal that ends the process does so here.
    Key wait(int milliseconds);

    /// Shows these lines, which have no control characters; those that do not
    /// fit are cut. The line with this index is highlighted. Throws Failure if
    /// the terminal is gone.
    void draw(const std::string& lines, int highlighted) const;

  private:
    void enter() noexcept;
    void leave() noexcept;
    void measure() noexcept;
    Key read_key() noexcept;
    Key take_signal();

    bool screen_ = false;
    bool keys_ = false;
    int signals_ = -1;
    int rows_ = 24;
    int columns_ = 80;
    sigset_t old_mask_{};
    termios old_{};
};

}  // namespace ashlar::command

#endif
