#include <ashlar/policy.hpp>
#include <memory>

#include "manager/ranges/buddy.hpp"
#include "manager/ranges/by_address.hpp"
#include "manager/ranges/by_size.hpp"
#include "manager/ranges/linear.hpp"
#include "manager/ranges/tlsf.hpp"

namespace ashlar {

std::unique_ptr<Policy> make_policy(Placement placement) {
    switch (placement) {
        case Placement::first_fit: return std::make_unique<ranges::FirstFit>();
        case Placement::next_fit: return std::make_unique<ranges::NextFit>();
        case Placement::best_fit: return std::make_unique<ranges::BestFit>();
        case Placement::worst_fit: return std::make_unique<ranges::WorstFit>();
        case Placement::ordered_best_fit: return std::make_unique<ranges::OrderedBestFit>();
        case Placement::buddy: return std::make_unique<ranges::Buddy>();
        case Placement::linear: return std::make_unique<ranges::LinearPlacement>();
        case Placement::ring: return std::make_unique<ranges::RingPlacement>();
        case Placement::tlsf: break;
    }
    return std::make_unique<ranges::Tlsf>();
}

}  // namespace ashlar
