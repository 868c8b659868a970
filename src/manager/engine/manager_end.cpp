// The end of a manager, and the report of what is live then.
#include "manager/engine/manager.hpp"

namespace ashlar::manager {

Manager::~Manager() {
    if (options_.on_end) report_live();
    delist();
}

// The collector's thread may still free blocks. A destructor must not throw, so
// that a report may end early.
void Manager::report_live() noexcept {
    collector_thread_.stop();
    try {
        Parts parts;
        while (next_parts(parts)) {
            for (const BlockView& view : parts.views) {
                if (view.kind == BlockView::Kind::hole || view.kind == BlockView::Kind::slab)
                    continue;
                options_.on_end(view, annotations_.name(view.start));
            }
        }
    } catch (...) {
        return;
    }
}

}  // namespace ashlar::manager
