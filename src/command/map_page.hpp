// The page of `ashlar map`, with {{data}} where its data belongs.
#ifndef ASHLAR_COMMAND_MAP_PAGE_HPP
#define ASHLAR_COMMAND_MAP_PAGE_HPP

namespace ashlar::command {

extern const char* const kMapPage;

}  // namespace ashlar::command

#endif
