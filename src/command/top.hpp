// `ashlar top`: what running processes hold, again and again.
#ifndef ASHLAR_COMMAND_TOP_HPP
#define ASHLAR_COMMAND_TOP_HPP

#include <string>
#include <vector>

namespace ashlar::command {

struct TopQuestion {
    std::vector<int> processes;  // none: all with a heap that may be read
    std::string sort = "rss";
    int milliseconds = 1000;  // from one look to the next
    bool once = false;
    bool json = false;
};

/// Shows the processes until the user ends it, or until all processes that the
/// user named have ended. Returns the exit status. Throws Failure if one of
/// these cannot be read, or has no heap of this library.
int watch_processes(const TopQuestion& question);

}  // namespace ashlar::command

#endif
