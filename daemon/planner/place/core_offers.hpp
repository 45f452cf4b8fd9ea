// SPDX-License-Identifier: LGPL-2.1-or-later
// What the cores of the host offer to the domain that is being placed, and what that costs.
#pragma once

#include "charges.hpp"
#include "core_packing.hpp"
#include "kind_tiers.hpp"

#include <optional>

namespace virtpind {

// Which cores the vCPUs may have: as many CPUs of each as it offers, one of each, or one of each
// that is wholly free.
enum class OfferedCores { any, one_each, own };

// All of these outlive the offers.
struct OfferTask {
    const HostIndex& host;
    const Policy& policy;
    const Surroundings& around;
    const Charges& charges;
    const CpuSet& allowed;               // that the vCPUs may have
    const CpuSet& kept;                  // those they must keep
    const CpuSet& present;               // those they are pinned to now
    const std::optional<NodeSet>& nodes; // only these, where set
    const PackLimits* limits = nullptr;  // of cores, where set
};

[[nodiscard]] inline bool whole_cores_only(SmtChoice smt)
{
    return smt == SmtChoice::require || smt == SmtChoice::isolate;
}

class CoreOffers {
public:
    explicit CoreOffers(const OfferTask& task) : task_{task}, host_{task.host} {}

    // The offers of all cores, in the place of those that are there: none of other kinds.
    void set_offers(PackDemand& demand, const Kinds& kinds, OfferedCores cores) const;

    // Their costs, and their CPUs in order. Precondition: set_offers() made them, for `cores`.
    void set_costs(PackDemand& demand, OfferedCores cores);

private:
    // What a vCPU pays for where it is.
    struct VcpuCost {
        NodeIndex node{};
        L3Index l3{};
        Score score;
    };

    void add_offer(PackDemand& demand, std::size_t core, const Kinds& kinds,
                   OfferedCores cores) const;
    void sort_cpus(PackDemand& demand, const CoreOffer& offer) const;
    void set_costs_of(const HostCore& core, PackDemand& demand, const CoreOffer& offer,
                      OfferedCores cores);
    [[nodiscard]] const Score& cost_of_vcpu_on(const HostCore& core);

    OfferTask task_;
    const HostIndex& host_;
    std::optional<VcpuCost> each_; // of the last core
};

} // namespace virtpind
