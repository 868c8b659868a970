#include "malloc/process/injection.hpp"

#include "base/line.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::rlx;

constinit Injection injection{};

void Injection::start(const FailurePlan& plan, int descriptor) noexcept {
    plan_ = plan;
    descriptor_ = descriptor;
    on_.store(1, rlx);  // relaxed: there is no other thread yet
    leave_own_cache();
}

bool Injection::refuses(std::size_t size) noexcept {
    if (size < plan_.least) return false;
    const std::uint64_t number = counted_.fetch_add(1, rlx) + 1;  // relaxed: only divides numbers
    if (plan_.first == 0 || number < plan_.first) return false;
    const std::uint64_t since = number - plan_.first;
    if (since != 0 && (plan_.every == 0 || since % plan_.every != 0)) return false;
    refused_.fetch_add(1, rlx);  // relaxed: a sum
    if (since == 0 && descriptor_ >= 0) {
        base::Line line;
        line.text("ashlar: allocation ").number(number).text(", of ").number(size);
        line.text(" bytes, fails as ASHLAR_FAIL_NTH asks").write(descriptor_);
    }
    return true;
}

// Relaxed: sums.
Injection::Counts Injection::counts() const noexcept {
    return {counted_.load(rlx), refused_.load(rlx)};
}

}  // namespace ashlar::cache
