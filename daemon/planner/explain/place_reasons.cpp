// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place_reasons.hpp"

#include "advice.hpp"
#include "daemon/planner/place/guest_shape.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace virtpind {

namespace {

class PlaceReasons {
public:
    PlaceReasons(const Fleet& fleet, const Member& member, DomainPlan& plan)
        : fleet_{fleet}
        , host_{fleet.host()}
        , intent_{*member.intent}
        , member_{member}
        , cost_{plan.cost}
        , reasons_{plan.reasons}
        , shape_{guest_shape(*member.intent)}
    {
        for (const auto& [vcpu, cpu] : member.placed->pins) {
            cpus_.insert(cpu);
        }
        if (!intent_.floating.empty()) {
            own_ = intent_.vcpus_online;
        }
    }

    void add()
    {
        say_where();
        say_cores();
        say_kind();
        say_devices();
        say_caches();
        say_quiet();
        say_foreign_load();
        say_moves();
        if (!intent_.policy.cpus.empty()) {
            say(ReasonCode::restricted_cpus, {{"allowed", intent_.policy.cpus}});
        }
        if (shape_.cells_online() > 0 && cost_[CostTerm::nodes] > shape_.cells_online()) {
            say(ReasonCode::cells_do_not_fit);
        }
        if (!member_.placed->proven) {
            say(ReasonCode::not_proven);
        }
    }

private:
    void say(ReasonCode code, ReasonArguments arguments = {})
    {
        reasons_.push_back({code, std::move(arguments)});
    }

    void say_where()
    {
        const auto vcpus = intent_.vcpus_online.size();
        const auto nodes = host_.topology->nodes_of(cpus_);
        if (vcpus == 1 || cost_[CostTerm::l3] == 1) {
            say(ReasonCode::fits_one_l3, {{"vcpus", vcpus}, {"own", own_}, {"nodes", nodes}});
            return;
        }
        if (nodes.size() == 1) {
            say(ReasonCode::fits_one_node, {{"vcpus", vcpus}, {"own", own_}, {"nodes", nodes}});
        } else {
            say(ReasonCode::spans_nodes,
                {{"own", own_}, {"nodes", nodes}, {"parts", per_group(host_.node_cpus)}});
            if (cost_[CostTerm::packages] == 1) {
                say(ReasonCode::fits_one_package, {{"vcpus", vcpus}, {"own", own_}});
            } else {
                say(ReasonCode::spans_packages,
                    {{"own", own_}, {"packages", cost_[CostTerm::packages]}});
            }
        }
        say(ReasonCode::spans_l3s,
            {{"own", own_}, {"l3s", cost_[CostTerm::l3]}, {"parts", per_group(host_.l3_cpus)}});
    }

    // Its vCPUs in each group that it uses.
    [[nodiscard]] Counts per_group(const std::vector<CpuSet>& groups) const
    {
        Counts counts;
        for (const auto& group : groups) {
            if (const auto count = group.common(cpus_); count > 0) {
                counts.push_back(count);
            }
        }
        return counts;
    }

    void say_cores()
    {
        const auto smt = intent_.policy.smt;
        const auto apart = smt == SmtChoice::isolate || smt == SmtChoice::spread;
        if (shape_.sibling_cores() > 0 && !apart) {
            if (cost_[CostTerm::siblings] == 0) {
                say(ReasonCode::siblings_kept);
            } else {
                say(ReasonCode::siblings_broken,
                    {{"broken", cost_[CostTerm::siblings]}, {"cores", shape_.sibling_cores()}});
            }
        }
        const auto own_cores = wishes_own_cores(intent_) && cost_[CostTerm::stacked] == 0;
        say_one_per_core();
        if (smt == SmtChoice::isolate) {
            say(ReasonCode::siblings_idle, {{"siblings", member_.placed->claim - cpus_}});
        } else if (own_cores && smt != SmtChoice::require) {
            // told by say_one_per_core()
        } else if (cost_[CostTerm::partial_cores] == 0 || smt == SmtChoice::require) {
            say(ReasonCode::cores_whole);
        }
        say_what_the_guest_sees();
        if (cost_[CostTerm::shared_cores] > 0) {
            say(ReasonCode::core_shared, {{"cores", cost_[CostTerm::shared_cores]}});
        }
    }

    // Its vCPUs by position in HostIndex::cores.
    [[nodiscard]] std::map<std::size_t, std::size_t> used_cores() const
    {
        std::map<std::size_t, std::size_t> cores;
        for (const auto cpu : cpus_) {
            ++cores[host_.core_at(cpu)];
        }
        return cores;
    }

    // Cores of its kinds on these nodes, free or not, without those of housekeeping.
    [[nodiscard]] std::size_t cores_for_it(const NodeSet& nodes) const
    {
        const auto kept = fleet_.housekeeping_beside(member_);
        const auto on_nodes = host_.topology->cpus_of(nodes);
        const auto& allowed = intent_.policy.cpus;
        std::set<KindIndex> kinds;
        for (const auto& [core, vcpus] : used_cores()) {
            kinds.insert(host_.cores[core].kind);
        }
        return static_cast<std::size_t>(
            std::count_if(host_.cores.begin(), host_.cores.end(), [&](const HostCore& core) {
                return kinds.contains(core.kind) && core.set.intersects(on_nodes) &&
                       !core.set.intersects(kept) &&
                       (allowed.empty() || allowed.includes(core.set));
            }));
    }

    // Fewer cores than its topology has: where they are missing, and whether smt=isolate would
    // help.
    void say_few_cores(std::size_t cores)
    {
        const auto vcpus = intent_.vcpus_online.size();
        const auto nodes = host_.topology->nodes_of(cpus_);
        const auto here = cores_for_it(nodes);
        const auto anywhere = cores_for_it(host_.topology->all_nodes());
        const auto most = intent_.policy.numa == NumaChoice::single ? here : anywhere;
        const auto off_node = here < vcpus && here < anywhere;
        say(ReasonCode::few_cores, {{"vcpus", vcpus},
                                    {"cores", cores},
                                    {"most", most >= vcpus ? vcpus : 0},
                                    {"nodes", off_node ? nodes : NodeSet{}},
                                    {"stays", runs_in_place(member_)}});
    }

    // Whether each vCPU has the core that the guest's topology, or smt=spread, wishes for it.
    void say_one_per_core()
    {
        if (cost_[CostTerm::doubled] > 0) {
            say(ReasonCode::few_cores, {{"doubled", cost_[CostTerm::doubled]}});
        }
        if (!wishes_own_cores(intent_)) {
            return;
        }
        CpuSet siblings;
        std::size_t cores = 0;
        for (const auto& [core, vcpus] : used_cores()) {
            siblings |= host_.cores[core].set - cpus_;
            ++cores;
        }
        const auto idle = siblings & member_.placed->claim;
        if (cost_[CostTerm::stacked] == 0 && !siblings.empty()) {
            say(ReasonCode::own_cores, {{"pool", siblings - idle}, {"siblings", idle}});
        } else if (cores < intent_.vcpus_online.size()) {
            say_few_cores(cores);
        }
    }

    // A guest without siblings schedules as if each vCPU were a core, one without cells as if all
    // memory were equally near.
    void say_what_the_guest_sees()
    {
        if (intent_.policy.topology != TopologyChoice::keep || !own_.empty()) {
            return;
        }
        if (const auto nodes = host_.topology->nodes_of(cpus_);
            intent_.cells.empty() && nodes.size() > 1) {
            say(ReasonCode::topology_kept, {{"nodes", nodes}});
        }
        std::size_t doubled = 0;
        for (const auto& [core, vcpus] : used_cores()) {
            doubled += vcpus > 1 ? 1U : 0U;
        }
        if (doubled > 0 && shape_.sibling_cores() == 0) {
            say(ReasonCode::topology_kept,
                {{"vcpus", intent_.vcpus_online.size()}, {"doubled", doubled}});
        }
    }

    void say_kind()
    {
        const auto unwished = cost_[CostTerm::kind];
        if (!host_.topology->is_hybrid() && unwished == 0) {
            return;
        }
        NameList kinds;
        for (const auto& kind : host_.topology->kinds) {
            if (kind.cpus.intersects(cpus_)) {
                kinds.emplace_back(to_string(kind.core_class));
            }
        }
        if (unwished > 0) {
            say(ReasonCode::kind_missed, {{"kinds", std::move(kinds)}, {"unwished", unwished}});
        } else if (kinds.size() > 1) {
            say(ReasonCode::kind_mixed, {{"kinds", std::move(kinds)}});
        } else {
            say(ReasonCode::kind_chosen, {{"own", own_}, {"kinds", std::move(kinds)}});
        }
    }

    void say_devices()
    {
        const auto local = device_nodes(host_, intent_);
        const auto attached = attached_nodes(host_, intent_);
        const auto nodes = host_.topology->nodes_of(cpus_);
        const auto far = cpus_ - host_.topology->cpus_of(local);
        if (!local.empty() && far.empty()) {
            const auto elsewhere = !nodes.intersects(attached); // on near nodes
            say(ReasonCode::near_device,
                {{"nodes", nodes},
                 {"other_nodes", elsewhere ? attached & host_.near_all(nodes) : attached - nodes},
                 {"elsewhere", elsewhere}});
        } else if (!local.empty()) {
            say(ReasonCode::far_from_device, {{"vcpus", far.size()}, {"nodes", attached}});
        } else if (intent_.devices.empty() && host_.io_nodes_set &&
                   cost_[CostTerm::io_nodes] == 0) {
            say(ReasonCode::avoids_device_node);
        }
        say_far_from_memory();
    }

    void say_far_from_memory()
    {
        NodeSet nodes;
        CpuSet cpus;
        for (std::size_t node = 0; node < host_.node_cpus.size(); ++node) {
            const auto there = host_.node_cpus[node] & cpus_;
            if (host_.lacks_memory[node] && !there.empty()) {
                nodes.insert(host_.topology->nodes[node].id);
                cpus |= there;
            }
        }
        if (!nodes.empty()) {
            say(ReasonCode::far_from_memory, {{"vcpus", cpus.size()}, {"nodes", nodes}});
        }
    }

    void say_caches()
    {
        const auto on_vcache =
            static_cast<std::size_t>(std::count_if(cpus_.begin(), cpus_.end(), [this](CpuId cpu) {
                return is_big_cache(host_, host_.cpu(cpu).l3);
            }));
        if (host_.has_vcache && on_vcache == cpus_.size()) {
            say(ReasonCode::vcache_chosen);
        } else if (cost_[CostTerm::small_cache] > 0 &&
                   intent_.policy.cores == CoreChoice::performance) {
            say(ReasonCode::vcache_missed, {{"missed", cost_[CostTerm::small_cache]},
                                            {"vcpus", cpus_.size()},
                                            {"housekeeping", housekeeping_in_the_way()}});
        }
        if (intent_.policy.cache != CacheChoice::alone) {
            return;
        }
        say_neighbours();
    }

    // On a V-cache L3 that would hold it otherwise.
    [[nodiscard]] CpuSet housekeeping_in_the_way() const
    {
        for (std::uint32_t i = 0; i < host_.l3_cpus.size(); ++i) {
            auto taken = host_.l3_cpus[i] & fleet_.housekeeping_beside(member_);
            if (is_big_cache(host_, L3Index{i}) && !taken.empty() &&
                host_.l3_cpus[i].size() >= cpus_.size() &&
                (host_.l3_cpus[i] - taken).size() < cpus_.size()) {
                return taken;
            }
        }
        return {};
    }

    // As it is, not as it was charged: a V-cache L3 is worth some neighbours, and those that float
    // come and go.
    void say_neighbours()
    {
        CpuSet cpus;
        for (const auto& l3 : host_.l3_cpus) {
            if (l3.intersects(cpus_)) {
                cpus |= l3;
            }
        }
        auto owners = claimants(fleet_, member_, cpus);
        const auto host_own = cpus & fleet_.housekeeping_beside(member_);
        if (owners.empty() && host_own.empty()) {
            // The claim of one that is shut off is in the pool.
            say(ReasonCode::l3_alone, {{"pool", (fleet_.pool() - member_.claim) & cpus}});
        } else {
            say(ReasonCode::l3_shared, {{"owners", std::move(owners)}, {"housekeeping", host_own}});
        }
    }

    void say_quiet()
    {
        const auto quiet = cpus_ & host_.quiet;
        if (!quiet.empty()) {
            say(ReasonCode::quiet_cpus_used, {{"quiet", quiet == cpus_ ? CpuSet{} : quiet}});
        }
    }

    void say_foreign_load()
    {
        auto guests = floaters(fleet_, member_, cpus_);
        if (!guests.empty()) {
            say(ReasonCode::foreign_load, {{"guests", std::move(guests)}});
        }
    }

    void say_tidied(const Tidied& tidied)
    {
        ReasonArguments arguments{
            {"vcpus", tidied.vcpus},
            {"from", tidied.from},
            {"newcomer", tidied.for_whom != nullptr ? tidied.for_whom->name : std::string{}}};
        const auto nodes = tidied.after[CostTerm::nodes];
        if (nodes < tidied.before[CostTerm::nodes]) {
            arguments.push_back({"fewer_nodes", nodes});
            arguments.push_back({"former_nodes", tidied.before[CostTerm::nodes]});
        } else {
            arguments.push_back({"fewer_l3s", tidied.after[CostTerm::l3]});
            arguments.push_back({"former_l3s", tidied.before[CostTerm::l3]});
        }
        say(ReasonCode::tidied, std::move(arguments));
    }

    void say_moves()
    {
        if (intent_.activity != Activity::running) {
            return;
        }
        std::size_t moved = 0;
        for (const auto& [vcpu, cpu] : member_.placed->pins) {
            const auto present = present_cpu(host_, intent_, vcpu);
            moved += present && *present != cpu ? 1U : 0U;
        }
        if (member_.tidied) {
            say_tidied(*member_.tidied);
        } else if (moved > 0) {
            say(ReasonCode::moved, {{"vcpus", moved}, {"displaced", member_.was_moved}});
        } else if (!member_.kept_pins.kept.empty()) {
            say(ReasonCode::kept_in_place);
        }
        if (intent_.memory_locked && host_.topology->nodes.size() > 1) {
            say(ReasonCode::memory_locked);
        }
    }

    const Fleet& fleet_;
    const HostIndex& host_;
    const Intent& intent_;
    const Member& member_;
    const Cost& cost_;
    Reasons& reasons_;
    GuestShape shape_;
    CpuSet cpus_;
    VcpuSet own_; // its vCPUs with CPUs of their own, where others float
};

} // namespace

void explain_place(const Fleet& fleet, const Member& member, DomainPlan& plan)
{
    PlaceReasons{fleet, member, plan}.add();
}

} // namespace virtpind
