#include "command/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "command/program.hpp"

namespace ashlar::command {
namespace {

constexpr int kFailed = 2;
constexpr std::array<int, 6> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

// The other screen, without a cursor; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

// False: the terminal is gone.
bool put(std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

Terminal::Terminal() {
    screen_ = ::isatty(STDOUT_FILENO) == 1;
    if (!screen_) return;
    keys_ = ::tcgetattr(STDIN_FILENO, &old_) == 0;
    sigset_t mask;
    sigemptyset(&mask);
    for (const int each : kSignals) sigaddset(&mask, each);
    ::sigprocmask(SIG_BLOCK, &mask, &old_mask_);
    signals_ = ::signalfd(-1, &mask, SFD_CLOEXEC);
    if (signals_ < 0) throw Failure(kFailed, std::strerror(errno));
    enter();
}

Terminal::~Terminal() {
    if (!screen_) return;
    leave();
    ::close(signals_);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

// Signals of keys stay: Ctrl-C and Ctrl-Z.
void Terminal::enter() noexcept {
    if (keys_) {
        termios raw = old_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    measure();
    static_cast<void>(put(kEnter));
}

void Terminal::leave() noexcept {
    static_cast<void>(put(kLeave));
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &old_);
}

void Terminal::measure() noexcept {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return;
    rows_ = size.ws_row;
    columns_ = size.ws_col;
}

// Arrows are three characters: ESC [ A, or ESC O A. A lone ESC is no key.
Key Terminal::read_key() noexcept {
    std::array<char, 16> text{};
    const ssize_t n = ::read(STDIN_FILENO, text.data(), text.size());
    if (n == 0 || (n < 0 && errno != EINTR)) {
        keys_ = false;  // the terminal is gone
        return Key::none;
    }
    const bool arrow = n >= 3 && text[0] == '\x1b' && (text[1] == '[' || text[1] == 'O');
    if (!arrow && text[0] == '\x1b') return Key::none;
    switch (arrow ? text[2] : text[0]) {
        case 'q': return Key::quit;
        case 'A':
        case 'k': return Key::up;
        case 'B':
        case 'j': return Key::down;
        case 'C':
        case '>': return Key::right;
        case 'D':
        case '<': return Key::left;
        default: return Key::other;
    }
}

Key Terminal::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return Key::none;
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGWINCH) {
        measure();
        return Key::other;
    }
    leave();
    if (number == SIGTSTP) {
        ::raise(SIGSTOP);
        enter();
        return Key::other;
    }
    ::signal(number, SIG_DFL);
    ::raise(number);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    ::_exit(128 + number);  // where the caller had blocked the signal
}

Key Terminal::wait(int milliseconds) {
    std::array<pollfd, 2> files = {{{signals_, POLLIN, 0}, {keys_ ? STDIN_FILENO : -1, POLLIN, 0}}};
    if (::poll(files.data(), files.size(), milliseconds) <= 0) return Key::none;
    if (files[0].revents != 0) return take_signal();
    return read_key();
}

void Terminal::draw(const std::string& lines, int highlighted) const {
    // Each line is cleared first: a clear behind the last column of the screen
    // would take a part of the line.
    std::string text = "\x1b[H";
    const auto width = static_cast<std::size_t>(columns_);
    std::size_t at = 0;
    int row = 0;
    for (; row < rows_ && at < lines.size(); ++row) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        const std::string line = lines.substr(at, std::min(end - at, width));
        text += row == 0 ? "\x1b[2K" : "\r\n\x1b[2K";
        text += row == highlighted ? "\x1b[7m" + line + "\x1b[0m" : line;
        at = end + 1;
    }
    if (row < rows_) text += "\r\n\x1b[J";
    if (!put(text)) throw Failure(kFailed, "the terminal is gone");
}

}  // namespace ashlar::command
