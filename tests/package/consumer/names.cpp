// Compiled once with each target of Ashlar: none brings the directory of its
// sources with it.
#include <ashlar/ashlar.h>

#include "core/region/region.hpp"

#if __has_include("base/config.hpp") || __has_include(<base/config.hpp>)
#error "Ashlar's sources are on the include path"
#endif

const char* name_of_region() { return region; }
