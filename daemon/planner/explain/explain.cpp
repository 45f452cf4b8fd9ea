// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain.hpp"

#include "advice.hpp"
#include "common/base/messages.hpp"
#include "daemon/planner/place/guest_shape.hpp"
#include "infeasibility.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace virtpind {

namespace {

class Explainer {
public:
    Explainer(const Fleet& fleet, const Member& member, DomainPlan& plan)
        : fleet_{fleet}
        , host_{fleet.host()}
        , intent_{*member.intent}
        , member_{member}
        , cost_{plan.cost}
        , reasons_{plan.reasons}
    {
        for (const auto& [vcpu, cpu] : member.placed->pins) {
            cpus_.insert(cpu);
        }
    }

    void explain()
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
            say(ReasonCode::restricted_cpus,
                "Only CPUs " + intent_.policy.cpus.str() + " were allowed by the option cpus.");
        }
        if (const auto cells = guest_shape(intent_).cells.size();
            cells > 0 && cost_[CostTerm::nodes] > cells) {
            say(ReasonCode::cells_do_not_fit,
                "Some guest NUMA cell straddles nodes: no arrangement puts each on one node.");
        }
        if (!member_.placed->proven) {
            say(ReasonCode::not_proven,
                "Nothing better was found, but the search does not prove that there is nothing.");
        }
    }

private:
    void say(ReasonCode code, std::string text) { reasons_.push_back({code, std::move(text)}); }

    void say_where()
    {
        const auto count = intent_.vcpus_online.size();
        const auto vcpus = "All " + pluralize(count, "vCPU");
        const auto nodes = host_.topology->nodes_of(cpus_);
        if (count == 1) {
            say(ReasonCode::fits_one_l3, "The vCPU is on node " + nodes.str() + ".");
            return;
        }
        if (cost_[CostTerm::l3] == 1) {
            say(ReasonCode::fits_one_l3, vcpus + " share one L3 on node " + nodes.str() + ".");
            return;
        }
        if (nodes.size() == 1) {
            say(ReasonCode::fits_one_node, vcpus + " are on node " + nodes.str() + ".");
        } else {
            say(ReasonCode::spans_nodes,
                "The vCPUs span nodes " + nodes.str() + ": " + per_group(host_.node_cpus) + ".");
            if (cost_[CostTerm::packages] == 1) {
                say(ReasonCode::fits_one_package, vcpus + " are in one package.");
            } else {
                say(ReasonCode::spans_packages,
                    "The vCPUs span " + pluralize(cost_[CostTerm::packages], "package") + ".");
            }
        }
        say(ReasonCode::spans_l3s, "The vCPUs span " + pluralize(cost_[CostTerm::l3], "L3") + ": " +
                                       per_group(host_.l3_cpus) + ".");
    }

    // "8+4": vCPUs per group that it uses.
    [[nodiscard]] std::string per_group(const std::vector<CpuSet>& groups) const
    {
        std::string text;
        for (const auto& group : groups) {
            if (const auto count = group.common(cpus_); count > 0) {
                text += (text.empty() ? "" : "+") + std::to_string(count);
            }
        }
        return text;
    }

    void say_cores()
    {
        const auto shape = guest_shape(intent_);
        const auto smt = intent_.policy.smt;
        const auto apart = smt == SmtChoice::isolate || smt == SmtChoice::spread;
        if (shape.sibling_cores() > 0 && !apart) {
            if (cost_[CostTerm::siblings] == 0) {
                say(ReasonCode::siblings_kept, "Every guest core is one host core.");
            } else {
                say(ReasonCode::siblings_broken,
                    std::to_string(cost_[CostTerm::siblings]) + " of " +
                        pluralize(shape.sibling_cores(), "guest core") +
                        pluralize(cost_[CostTerm::siblings], " has its", " have their") +
                        " vCPUs on different host cores.");
            }
        }
        if (smt == SmtChoice::isolate) {
            say(ReasonCode::siblings_idle, "One vCPU per core, as smt=isolate asks; the siblings " +
                                               (member_.placed->claim - cpus_).str() +
                                               " stay idle.");
        } else if (cost_[CostTerm::partial_cores] == 0 || smt == SmtChoice::require) {
            say(ReasonCode::cores_whole, "All its cores are exclusive.");
        }
        say_what_the_guest_believes(shape);
        if (cost_[CostTerm::shared_cores] > 0) {
            say(ReasonCode::core_shared,
                pluralize(cost_[CostTerm::shared_cores], "core") + " it uses also " +
                    pluralize(cost_[CostTerm::shared_cores], "belongs", "belong") +
                    " in part to another domain.");
        }
    }

    // A guest without siblings schedules as if each vCPU were a core, one without cells as if all
    // memory were as near.
    void say_what_the_guest_believes(const GuestShape& shape)
    {
        if (intent_.policy.topology != TopologyChoice::keep) {
            return;
        }
        if (intent_.cells.empty() && host_.topology->nodes_of(cpus_).size() > 1) {
            say(ReasonCode::topology_kept, "The guest does not know that it is on several nodes; "
                                           "topology=match gives it a NUMA cell for each.");
        }
        std::size_t doubled = 0;
        for (const auto& core : host_.cores) {
            doubled += core.set.common(cpus_) > 1 ? 1U : 0U;
        }
        if (doubled > 0 && shape.sibling_cores() == 0) {
            say(ReasonCode::topology_kept,
                "The guest takes each of its " + pluralize(intent_.vcpus_online.size(), "vCPU") +
                    " for a core of its own; " + std::to_string(doubled) +
                    " of the cores it runs "
                    "on carry several. topology=match tells it which.");
        }
    }

    void say_kind()
    {
        if (!host_.topology->is_hybrid()) {
            return;
        }
        std::string names;
        std::size_t kinds = 0;
        for (const auto& kind : host_.topology->kinds) {
            if (kind.cpus.intersects(cpus_)) {
                names += (kinds++ == 0 ? "" : ", ") + std::string{class_name(kind.core_class)};
            }
        }
        if (kinds > 1) {
            say(ReasonCode::kind_mixed,
                "Several kinds of core, as cores=any allows: " + names + ".");
        } else {
            say(ReasonCode::kind_chosen,
                "All vCPUs are on " + names + " cores" +
                    (cost_[CostTerm::kind] > 0 ? ", because the wished kind has no room." : "."));
        }
    }

    static std::string_view class_name(CoreClass core_class)
    {
        switch (core_class) {
        case CoreClass::uniform:
            return "uniform";
        case CoreClass::performance:
            return "performance";
        case CoreClass::efficiency:
            return "efficiency";
        case CoreClass::low_power:
            return "low-power";
        }
        return "uniform";
    }

    void say_devices()
    {
        const auto local = device_nodes(host_, intent_);
        const auto nodes = host_.topology->nodes_of(cpus_);
        const auto far = cpus_ - host_.topology->cpus_of(local);
        if (!local.empty() && far.empty()) {
            say(ReasonCode::near_device,
                "On node " + nodes.str() + ", where " +
                    ((local - nodes).empty()
                         ? "its devices are attached."
                         : "some of its devices are attached; the others are on node " +
                               (local - nodes).str() + "."));
        } else if (!local.empty()) {
            say(ReasonCode::far_from_device,
                pluralize(far.size(), "vCPU") + pluralize(far.size(), " is", " are") +
                    " away from node " + local.str() + ", where its devices are attached.");
        } else if (intent_.devices.empty() && host_.io_nodes_set &&
                   cost_[CostTerm::io_nodes] == 0) {
            say(ReasonCode::avoids_device_node,
                "It has no devices and leaves the nodes with I/O to domains that have.");
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
            say(ReasonCode::far_from_memory,
                pluralize(cpus.size(), "vCPU") + pluralize(cpus.size(), " is", " are") +
                    " on node " + nodes.str() +
                    pluralize(nodes.size(), ", which has", ", which have") + " no memory.");
        }
    }

    void say_caches()
    {
        const auto on_vcache =
            static_cast<std::size_t>(std::count_if(cpus_.begin(), cpus_.end(), [this](CpuId cpu) {
                return is_big_cache(host_, host_.cpu(cpu).l3);
            }));
        if (host_.has_vcache && on_vcache == cpus_.size()) {
            say(ReasonCode::vcache_chosen, "On the L3 with V-cache.");
        } else if (cost_[CostTerm::small_cache] > 0 &&
                   intent_.policy.cores == CoreChoice::performance) {
            say(ReasonCode::vcache_missed,
                pluralize(cost_[CostTerm::small_cache], "vCPU") + " of " +
                    std::to_string(cpus_.size()) +
                    (cost_[CostTerm::small_cache] == 1 ? " is" : " are") +
                    " not on the L3 with V-cache." + how_housekeeping_is_in_the_way());
        }
        if (intent_.policy.cache != CacheChoice::alone) {
            return;
        }
        say_neighbours();
    }

    [[nodiscard]] std::string how_housekeeping_is_in_the_way() const
    {
        for (std::uint32_t i = 0; i < host_.l3_cpus.size(); ++i) {
            const auto taken = host_.l3_cpus[i] & fleet_.housekeeping();
            if (is_big_cache(host_, L3Index{i}) && !taken.empty() &&
                host_.l3_cpus[i].size() >= cpus_.size() &&
                (host_.l3_cpus[i] - taken).size() < cpus_.size()) {
                return " " + housekeeping_in_the_way("there", taken);
            }
        }
        return "";
    }

    // As it is, not as it was charged: a V-cache L3 is worth some neighbours, and those that float
    // come and go.
    void say_neighbours()
    {
        CpuSet cpus;
        for (const auto& l3 : host_.l3_cpus) {
            cpus |= l3.intersects(cpus_) ? l3 : CpuSet{};
        }
        const auto claims = claimants(fleet_, member_, cpus);
        const auto host_own = cpus & fleet_.housekeeping();
        if (claims.empty() && host_own.empty()) {
            const auto pool = (fleet_.pool() - member_.claim) & cpus; // shut off: its own is in it
            say(ReasonCode::l3_alone, pool.empty()
                                          ? "Nobody else uses its L3s."
                                          : "Nobody else claims CPUs of its L3s; " + pool.str() +
                                                " there " + pluralize(pool.size(), "is", "are") +
                                                " in the pool, for those that float.");
            return;
        }
        say(ReasonCode::l3_shared,
            "Its L3s also serve " + claims + (claims.empty() || host_own.empty() ? "" : " and ") +
                (host_own.empty() ? "" : "housekeeping (" + host_own.str() + ")") + ".");
    }

    void say_quiet()
    {
        const auto quiet = cpus_ & host_.quiet;
        if (!quiet.empty()) {
            say(ReasonCode::quiet_cpus_used,
                quiet == cpus_ ? "Its CPUs are isolated from the scheduler (isolcpus, nohz_full)."
                               : "CPUs " + quiet.str() +
                                     " of it are isolated from the scheduler (isolcpus, "
                                     "nohz_full), the others are not.");
        }
    }

    void say_foreign_load()
    {
        const auto guests = floaters(fleet_, member_, cpus_);
        if (!guests.empty()) {
            say(ReasonCode::foreign_load,
                "Its CPUs are no one else's claim, but foreign guests may run there, too, since "
                "they are pinned to more CPUs than they have vCPUs: " +
                    guests + ".");
        }
    }

    void say_moves()
    {
        if (intent_.activity != Activity::running) {
            return;
        }
        if (cost_[CostTerm::moves] > 0) {
            say(ReasonCode::moved,
                pluralize(cost_[CostTerm::moves], "vCPU") +
                    pluralize(cost_[CostTerm::moves], " changes its CPU", " change their CPU") +
                    (member_.was_moved ? " to make room for others." : "."));
        } else if (!member_.kept_pins.kept.empty()) {
            say(ReasonCode::kept_in_place, "Running vCPUs stay where they are pinned.");
        }
        if (intent_.memory_locked && host_.topology->nodes.size() > 1) {
            say(ReasonCode::memory_locked, "Its memory is locked, so it stays on its nodes.");
        }
    }

    const Fleet& fleet_;
    const HostIndex& host_;
    const Intent& intent_;
    const Member& member_;
    const Cost& cost_;
    Reasons& reasons_;
    CpuSet cpus_;
};

bool tells(const DomainPlan& plan, ReasonCode code)
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(),
                       [code](const Reason& reason) { return reason.code == code; });
}

} // namespace

void explain_dedicated(Fleet& fleet, const Member& member, DomainPlan& plan)
{
    Explainer{fleet, member, plan}.explain();
    fleet.memory().give_back(member.memory); // while it is asked where it could be
    auto memory_costs = what_memory_costs(fleet, member);
    fleet.memory().take_again(member.memory);
    if (memory_costs) {
        plan.reasons.push_back({ReasonCode::memory_short, std::move(*memory_costs)});
    } else if (auto advice = how_to_do_better(fleet, member)) {
        plan.reasons.push_back({ReasonCode::to_do_better, std::move(*advice)});
    }
}

void explain_misfit(Fleet& fleet, const Member& member, DomainPlan& plan)
{
    fleet.memory().give_back(member.memory); // while it is asked where it could be
    auto infeasibility = find_infeasibility(fleet, *member.intent,
                                            {.around = fleet.around(member, Fleet::Claims::active),
                                             .memory = MemoryLedger::Others::booked});
    auto advice = how_to_fit(fleet, member, infeasibility.ways);
    fleet.memory().take_again(member.memory);
    plan.reasons.push_back(std::move(infeasibility.reason));
    if (member.intent->policy.fallback == Fallback::shared) {
        plan.reasons.push_back({ReasonCode::fell_back_to_shared,
                                "It runs on the shared pool until enough CPUs are free."});
    } else {
        explain_left_alone(plan);
    }
    if (advice) {
        plan.reasons.push_back({ReasonCode::to_do_better, std::move(*advice)});
    }
}

void explain_left_alone(DomainPlan& plan)
{
    plan.reasons.push_back(
        {ReasonCode::left_untouched, "It is left as it is, as fallback=fail asks."});
}

void explain_share(const Fleet& fleet, const Member& member, const Share& share, DomainPlan& plan)
{
    const auto& intent = *member.intent;
    const auto vcpus = intent.vcpus_online.size();
    const auto floats = pluralize(vcpus, "vCPU") + pluralize(vcpus, " floats on ", " float on ");
    const auto nodes = fleet.host().topology->nodes_of(share.cpus).str();
    const auto& cpus = share.cpus;
    const auto* or_isolated = fleet.host().quiet.empty() ? "" : " or isolated";
    const auto owners = claimants(fleet, member, cpus);
    if (share.bound_by_memory) {
        plan.reasons.push_back({ReasonCode::memory_locked,
                                "Its memory is locked, so it floats on its own nodes only."});
    }
    switch (share.on) {
    case Share::On::pool:
        plan.reasons.push_back({ReasonCode::floats_on_pool,
                                floats + cpus.str() + " of the pool (node " + nodes + ")."});
        break;
    case Share::On::housekeeping:
        plan.reasons.push_back(
            {ReasonCode::no_pool, floats + "the housekeeping CPUs " + cpus.str() +
                                      ", as the others are all claimed" + or_isolated + "."});
        break;
    case Share::On::claimed:
        plan.reasons.push_back(
            {ReasonCode::no_pool,
             floats + cpus.str() +
                 (owners.empty() ? ", isolated from the scheduler" : ", claimed by " + owners) +
                 ", as there is nothing else for it to float on."});
        break;
    }
    if (!share.holds) {
        plan.reasons.push_back(
            {ReasonCode::pool_full, "The pool has only " + pluralize(cpus.size(), "CPU") +
                                        " for it; vCPUs will wait for each other."});
    }
    if (share.mixed && intent.policy.cores != CoreChoice::any) {
        plan.reasons.push_back({ReasonCode::kind_mixed,
                                "The pool has no one kind of core that holds it, so kinds mix."});
    }
}

void explain_shortfall(const Member& member, const Share& share, DomainPlan& plan)
{
    const auto& intent = *member.intent;
    if (share.beyond_cpus) {
        plan.reasons.push_back({ReasonCode::cpus_not_in_pool,
                                "The option cpus allows " + intent.policy.cpus.str() +
                                    ", and none of these can be floated on: they are claimed, "
                                    "housekeeping, or not there."});
    }
    if (share.over_nodes) {
        plan.reasons.push_back(
            {ReasonCode::no_single_node, "No single node has room in the pool for " +
                                             pluralize(intent.vcpus_online.size(), "vCPU") +
                                             ", as numa=single asks."});
    }
    if (share.memory_short) {
        plan.reasons.push_back(
            {ReasonCode::memory_short,
             "The nodes where it could float have less free memory than it needs."});
    }
}

void explain_overrun(const std::vector<std::string>& names, DomainPlan& plan)
{
    plan.reasons.push_back(
        {ReasonCode::claim_overrun,
         "Its CPUs are also used by " + listed(names) + ", which can float nowhere else."});
}

void explain_untouched(const Member& member, DomainPlan& plan)
{
    const auto add = [&plan](ReasonCode code, const std::string& text) {
        if (!tells(plan, code)) {
            plan.reasons.push_back({code, text});
        }
    };
    const auto shut_off = member.intent->activity == Activity::dormant;
    switch (member.intent->stance) {
    case Stance::foreign:
        add(ReasonCode::foreign_pins,
            "Someone else pinned it; set a policy to take it over." +
                (member.load.empty() ? std::string{}
                                     : " It may float on " + member.load.str() +
                                           ", more CPUs than it has vCPUs there, which is load "
                                           "and no claim.") +
                (shut_off ? " It is shut off, so it has no claim to those CPUs now." : ""));
        return;
    case Stance::held:
        add(ReasonCode::held, "Somebody asked to leave it alone for now.");
        return;
    case Stance::broken: // the intent says why
        return;
    case Stance::managed:
    case Stance::hands_off:
        add(ReasonCode::hands_off,
            member.intent->policy.name.empty() || member.intent->policy.name == "none"
                ? "No policy is set for it, or the policy none: it is not touched."
                : "Its policy says not to touch it.");
        return;
    }
}

void explain_without_effect(const Policy& policy, DomainPlan& plan)
{
    if (policy.isolate) {
        plan.reasons.push_back(
            {ReasonCode::option_without_effect,
             "The policy also says isolate, which this version keeps but does not act on."});
    }
}

} // namespace virtpind
