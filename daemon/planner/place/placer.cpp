// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placer.hpp"

#include "core_offers.hpp"
#include "guest_shape.hpp"
#include "node_choice.hpp"
#include "siblings.hpp"
#include "vcpu_assignment.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// No term that is compared before `term` could be less.
bool is_least_before(CostTerm term, const Cost& cost)
{
    return std::all_of(
        cost_term_table.begin(), cost_term_table.end(), [term, &cost](const auto& row) {
            return row.term >= term || row.term == CostTerm::kind || cost[row.term] <= row.least;
        });
}

std::size_t beyond(std::size_t count, std::size_t room)
{
    return count - std::min(count, room);
}

// The search for one domain; what does not depend on the kind is computed once.
class Placer {
public:
    Placer(const HostIndex& host, const PlaceTask& task, PackTables& tables)
        : host_{host}
        , task_{task}
        , policy_{task.intent.policy}
        , tables_{tables}
        , shape_{guest_shape(task.intent)}
        , charges_{host, task.intent, task.around}
        , device_cpus_{device_cpus(host, task.intent)}
        , offers_{{.host = host,
                   .policy = task.intent.policy,
                   .around = task.around,
                   .charges = charges_,
                   .allowed = allowed_,
                   .kept = kept_cpus_,
                   .present = present_cpus_,
                   .nodes = task.nodes,
                   .limits = task.limits}}
    {
        for (const auto vcpu : task.intent.vcpus_online) {
            if (const auto cpu = present_cpu(host, task.intent, vcpu)) {
                present_cpus_.insert(*cpu);
                if (has_present_pins(task.intent)) {
                    present_.emplace(vcpu, *cpu);
                }
            }
        }
        for (const auto& [vcpu, cpu] : task.kept) {
            kept_cpus_.insert(cpu);
        }
        allowed_ = allowed_cpus();
    }

    std::optional<Placed> run()
    {
        if (allowed_.size() < shape_.vcpus || lacks_siblings(host_, task_.intent)) {
            return std::nullopt;
        }
        set_costs();
        for (const auto& tier : kind_tiers(host_, policy_)) {
            std::optional<Placed> best;
            for (const auto& kinds : tier) {
                auto placed = as_wished_on(kinds);
                if (!placed) {
                    continue;
                }
                const auto bound = best ? std::min(placed->bound, best->bound) : placed->bound;
                if (!best || placed->cost < best->cost) {
                    best = std::move(placed);
                }
                best->bound = bound;
            }
            if (best) {
                return best;
            }
        }
        return std::nullopt;
    }

private:
    using Cores = OfferedCores;

    std::optional<Placed> as_wished_on(const Kinds& kinds)
    {
        if (policy_.smt == SmtChoice::isolate) {
            return on_kinds(kinds, Cores::one_each);
        }
        if (policy_.smt == SmtChoice::spread) {
            auto apart = on_kinds(kinds, Cores::one_each);
            return apart && is_least_before(CostTerm::doubled, apart->cost)
                       ? std::move(apart)
                       : better_of(std::move(apart), on_kinds(kinds, Cores::any));
        }
        if (!task_.own_cores || !wishes_own_cores(task_.intent)) {
            return on_kinds(kinds, Cores::any);
        }
        auto own = on_kinds(kinds, Cores::own);
        return own && is_least_before(CostTerm::stacked, own->cost)
                   ? std::move(own)
                   : better_of(std::move(own), on_kinds(kinds, Cores::any));
    }

    // The terms that come before the one for which the first keeps cores apart are proven by the
    // second, which may use any core.
    static std::optional<Placed> better_of(std::optional<Placed> apart, std::optional<Placed> any)
    {
        if (!apart) {
            return any;
        }
        const auto proven = apart->proven && any && any->proven;
        const auto bound = any ? std::min(any->bound, apart->bound) : apart->bound;
        auto better = any && any->cost < apart->cost ? std::move(any) : std::move(apart);
        better->proven = proven;
        better->bound = bound;
        return better;
    }

    void set_costs()
    {
        for (const auto& zone : host_.zones) {
            Score score;
            if (zone.node) {
                score += charges_.of_node(*zone.node);
            }
            if (zone.package) {
                score += Charges::of_package();
            }
            if (zone.l3) {
                score += host_.crossing ? charges_.of_l3(*zone.l3, cpus_of(zone))
                                        : charges_.of_l3(*zone.l3, at_id(host_.l3_cpus, *zone.l3));
            }
            if (zone.l2) {
                score += charges_.of_l2(*zone.l2);
            }
            demand_.zone_costs.push_back(score);
        }
        demand_.vcpus = shape_.vcpus;
        demand_.evenly = policy_.topology != TopologyChoice::keep && task_.intent.cells.empty();
        demand_.limits = task_.limits;
        demand_.zone_costs.reserve(host_.zones.size());
    }

    [[nodiscard]] CpuSet cpus_of(const Zone& zone) const
    {
        CpuSet cpus;
        for (const auto core : zone.cores) {
            cpus |= at_id(host_.cores, core).set;
        }
        return cpus;
    }

    // CPUs that its vCPUs may have.
    [[nodiscard]] CpuSet allowed_cpus() const
    {
        auto allowed = task_.around.free;
        if (!policy_.cpus.empty()) {
            allowed &= policy_.cpus;
        }
        if (device_cpus_) {
            allowed &= *device_cpus_;
        }
        return allowed;
    }

    [[nodiscard]] NodeDemand node_demand() const
    {
        const auto& intent = task_.intent;
        NodeDemand demand;
        demand.vcpus = shape_.vcpus;
        demand.available_kib = task_.available_kib;
        demand.memory_kib = policy_.memory == MemoryChoice::follow ? intent.memory_kib : 0;
        demand.spread =
            policy_.numa == NumaChoice::spread ? NodeDemand::Spread::even : NodeDemand::Spread::no;
        demand.fewest_first =
            least_low_power_ == 0 && (policy_.smt != SmtChoice::spread || cores_ != Cores::any);
        demand.nodes =
            policy_.numa == NumaChoice::single ? NodeDemand::Nodes::single : NodeDemand::Nodes::any;
        for (std::size_t cell = 0; cell < shape_.cells.size(); ++cell) {
            IdSet<NodeIndex> bound;
            for (const auto& [vcpu, cpu] : task_.kept) {
                if (shape_.cells[cell].contains(vcpu)) {
                    bound.insert(host_.cpu(cpu).node);
                }
            }
            demand.cells.push_back(
                {.vcpus = shape_.cells[cell].size(),
                 .memory_kib = demand.memory_kib == 0 ? 0 : intent.cells[cell].memory_kib,
                 .bound = bound});
        }
        if (!demand.cells.empty()) {
            demand.devices = device_places(host_, intent);
        }
        return demand;
    }

    std::optional<Placed> on_kinds(const Kinds& kinds, Cores cores)
    {
        cores_ = cores;
        offers_.set_offers(demand_, kinds, cores);
        std::size_t offered = 0;
        std::size_t keeping = 0;
        std::size_t usual_cores = 0;
        std::size_t low_power_cores = 0;
        std::size_t usual = 0;
        std::size_t staying = 0; // on low-power cores
        for (std::size_t core = 0; core < host_.cores.size(); ++core) {
            const auto& offer = demand_.offers[core];
            const auto low_power = is_low_power(host_, host_.cores[core].kind);
            offered += offer.most;
            (low_power ? low_power_cores : usual_cores) += offer.most > 0 ? 1 : 0;
            keeping += std::min(offer.keep, offer.most);
            usual += low_power ? 0 : offer.most;
            staying += low_power ? offer.keep : 0;
        }
        least_low_power_ = std::max(shape_.vcpus, usual + staying) - usual;
        least_doubled_ = policy_.smt == SmtChoice::spread
                             ? beyond(beyond(shape_.vcpus, least_low_power_), usual_cores) +
                                   beyond(least_low_power_, low_power_cores)
                             : 0;
        if (offered < shape_.vcpus || (!kept_cpus_.empty() && keeping != kept_cpus_.size())) {
            return std::nullopt;
        }
        offers_.set_costs(demand_, cores);
        if (!siblings_add_up()) {
            // Without the term first: when all guest cores come out whole, nothing can beat it.
            demand_.guest_threads = 1;
            auto placed = search();
            if (!placed || placed->cost[CostTerm::siblings] == 0) {
                return placed;
            }
            demand_.guest_threads = shape_.smallest_sibling_core();
            auto paired = search();
            if (paired) { // its own bound may trade siblings for what comes after them
                paired->bound = placed->bound;
            }
            return paired;
        }
        demand_.guest_threads = shape_.smallest_sibling_core();
        return search();
    }

    // Whether fewer unpaired vCPUs and more whole guest cores are the same for this guest: its
    // guest cores with siblings are of one size, and the vCPUs outside of them do not fill another.
    [[nodiscard]] bool siblings_add_up() const
    {
        const auto size = shape_.smallest_sibling_core();
        const auto whole = shape_.sibling_cores();
        const auto uniform =
            std::all_of(shape_.cores.begin(), shape_.cores.end(), [size](const auto& core) {
                return core.size() == 1 || core.size() == size;
            });
        return size == 1 || (uniform && shape_.vcpus - whole * size < size);
    }

    std::optional<Placed> search()
    {
        Packer packer{host_, demand_, tables_};
        auto choice = choose_nodes(host_, packer, node_demand());
        if (!choice) {
            return std::nullopt;
        }
        std::vector<std::vector<CpuId>> chosen(host_.cores.size());
        for (std::size_t core = 0; core < chosen.size(); ++core) {
            const auto first =
                demand_.cpus.begin() + static_cast<std::ptrdiff_t>(demand_.offers[core].first);
            const auto taken = static_cast<std::ptrdiff_t>(choice->packing.taken[core]);
            chosen[core].assign(first, first + taken);
            std::sort(chosen[core].begin(), chosen[core].end());
        }
        Placed placed;
        placed.pins = order_vcpus({.host = host_,
                                   .shape = shape_,
                                   .chosen = std::move(chosen),
                                   .cell_nodes = choice->cell_nodes,
                                   .kept = task_.kept,
                                   .present = present_});
        placed.claim = claim_of(host_, policy_, placed.pins);
        placed.cost = cost_of(host_, task_.intent, task_.around, placed.pins);
        const auto bound = bound_of(placed.cost, *choice);
        const auto complete = choice->proven && !host_.crossing;
        placed.proven = complete && bound == placed.cost;
        if (complete) {
            placed.bound = bound;
        }
        return placed;
    }

    // The search's own sums are a lower bound of the cost. Where the cost equals them, nothing
    // that was left out of the search (the order of vCPUs, cut zones) costs anything more.
    [[nodiscard]] Cost bound_of(const Cost& cost, const NodeChoice& choice) const
    {
        const auto& score = choice.packing.score;
        const auto unpaired = score.get(CostTerm::siblings);
        const auto whole = (shape_.vcpus - unpaired) / demand_.guest_threads;
        const auto broken = demand_.guest_threads > 1
                                ? shape_.sibling_cores() - std::min(shape_.sibling_cores(), whole)
                                : 0;
        Cost bound = cost; // kind and imbalance are fixed by what was searched
        for (const auto& row : cost_term_table) {
            if (Score::has(row.term)) {
                bound[row.term] = score.get(row.term);
            }
        }
        if (!shape_.cells.empty()) {
            bound[CostTerm::nodes] = shape_.cells_online();
            bound[CostTerm::device_cells] = choice.devices_missed;
        }
        // The search for nodes may have paid with these for fewer nodes.
        bound[CostTerm::low_power] = least_low_power_;
        bound[CostTerm::doubled] = least_doubled_;
        bound[CostTerm::distance] = choice.distance;
        bound[CostTerm::siblings] = broken;
        if (cost[CostTerm::stacked] == 0 && wishes_own_cores(task_.intent)) {
            bound[CostTerm::partial_cores] = 0;
        }
        if (!present_cpus_.empty()) { // the search counts CPUs that are new to the domain
            bound[CostTerm::moves] -= shape_.vcpus - present_cpus_.size();
        }
        return bound;
    }

    const HostIndex& host_;
    const PlaceTask& task_;
    const Policy& policy_;
    PackTables& tables_;
    GuestShape shape_;
    Charges charges_;
    std::optional<CpuSet> device_cpus_; // that the option device allows
    VcpuMap present_;
    CpuSet present_cpus_;
    CpuSet kept_cpus_;
    CpuSet allowed_;
    CoreOffers offers_;
    PackDemand demand_;
    Cores cores_ = Cores::any;
    std::uint64_t least_low_power_ = 0;
    std::uint64_t least_doubled_ = 0; // with no more than that on low-power cores
};

} // namespace

CpuSet claim_of(const HostIndex& host, const Policy& policy, const VcpuMap& pins)
{
    CpuSet claim;
    for (const auto& [vcpu, cpu] : pins) {
        claim.insert(cpu);
        if (whole_cores_only(policy.smt)) {
            claim |= host.cores[host.core_at(cpu)].set;
        }
    }
    return claim;
}

std::optional<Placed> place_dedicated(const HostIndex& host, const PlaceTask& task,
                                      PackTables& tables)
{
    return Placer{host, task, tables}.run();
}

} // namespace virtpind
