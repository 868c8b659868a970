// `ashlar map`: a picture of a heap, as one HTML file without external
// resources.
#ifndef ASHLAR_COMMAND_MAP_HPP
#define ASHLAR_COMMAND_MAP_HPP

#include <string>

#include "command/target.hpp"

namespace ashlar::command {

struct MapQuestion {
    int process = 0;
    std::string output;
    int snapshots = 1;
    int every = 1000;  // milliseconds from one to the next
};

/// Writes the picture, and says so on stdout. If the process ends meanwhile,
/// the picture has the snapshots until then. Returns the exit status. Throws
/// Failure if there is no snapshot, or the file can't be written.
int draw_map(const MapQuestion& question);
/// One snapshot of this target.
int draw_map(const Target& target, const std::string& output);

}  // namespace ashlar::command

#endif
