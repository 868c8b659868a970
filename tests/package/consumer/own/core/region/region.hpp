// A header of the project's own, under a name that one of Ashlar's sources has
// as well.
#ifndef CONSUMER_REGION_HPP
#define CONSUMER_REGION_HPP

inline constexpr const char* region = "the project's own";

#endif
