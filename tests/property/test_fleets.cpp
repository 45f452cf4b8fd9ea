// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole plans over random hosts and fleets.
// Long: all properties are of the same fleets.
#include "daemon/planner/fleet/retreat.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/render/reason_text.hpp"
#include "fleets.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace virtpind {
namespace {

using namespace test;

// As a file describes a host. What a live one tells of is free would change with the plan.
void forget_what_is_free(Topology& host)
{
    for (auto& node : host.nodes) {
        node.free_memory_kib.reset();
        for (auto& pages : node.hugepages) {
            pages.free = pages.total;
        }
    }
}

// The same fleet with everything where `plan` puts it, and running if it was to run.
PlanRequest applied(const PlanRequest& request, const Plan& plan)
{
    auto next = request;
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        auto& intent = next.intents[i];
        const auto& domain = plan.domains[i];
        if (domain.placement == Placement::none) {
            continue;
        }
        const auto home = next.topology->nodes_of(
            intent.current.narrow_cpus(next.topology->online_cpus(), intent.vcpus_online));
        if (domain.numatune && !intent.memory_locked) {
            intent.memory_nodes = domain.numatune->nodes;
        } else if (intent.activity == Activity::running && intent.memory_nodes.empty()) {
            intent.memory_nodes = home; // what is not moved stays where it was
        }
        intent.current.vcpus = domain.vcpus;
        intent.current.emulator = domain.emulator;
        intent.current.iothreads = domain.iothreads;
        if (intent.activity == Activity::arriving) {
            intent.activity = Activity::running;
            intent.shut_off = false;
        }
        intent.has_our_pins = intent.activity == Activity::dormant; // what it has is ours now
    }
    return next;
}

// One that cannot start: it waits for memory, or for another to stop.
bool somebody_cannot_start(const PlanRequest& request, const Plan& plan)
{
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& intent = request.intents[i];
        const auto has_rivals = intent.shut_off && !intent.exclusive.empty();
        if (intent.activity == Activity::arriving && (has_rivals || plan.domains[i].awaits)) {
            return true;
        }
    }
    return false;
}

// One that is pinned nowhere yet and not satisfied, perhaps for want of memory, could not have
// started. Once its pins tell where its memory is, it has that, and another place.
bool somebody_may_lack_memory(const PlanRequest& request, const Plan& plan)
{
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& intent = request.intents[i];
        if (intent.current.vcpus.empty() && intent.memory_kib > 0 && !plan.domains[i].satisfied) {
            return true;
        }
    }
    return false;
}

bool same_pins(const DomainPlan& a, const DomainPlan& b)
{
    return a.placement == b.placement && a.vcpus == b.vcpus && a.emulator == b.emulator &&
           a.iothreads == b.iothreads && a.claim == b.claim;
}

// The levels of reasons are those of the table; whether somebody gets what it asks for is the
// planner's to say. They agree.
RC_GTEST_PROP(Fleets, WhoIsNotSatisfiedHasAReasonThatIsShort, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    for (const auto& domain : make_plan(fleet.request).domains) {
        const auto* why = main_shortfall(domain.reasons);
        const auto is_short = why != nullptr && level_word(*why, domain.satisfied) == "short";
        if (is_short == domain.satisfied) {
            for (const auto& reason : domain.reasons) {
                RC_LOG() << level_word(reason, domain.satisfied) << " " << reason_text(reason)
                         << "\n";
            }
        }
        RC_ASSERT(is_short != domain.satisfied);
    }
}

RC_GTEST_PROP(Fleets, HardConstraintsHold, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    RC_ASSERT(validate_request(fleet.request).ok());
    const auto plan = make_plan(fleet.request);
    log_plan(plan);
    const auto problems = check_plan(fleet.request, plan);
    RC_ASSERT(problems == std::vector<std::string>{});
}

RC_GTEST_PROP(Fleets, EqualInputGivesEqualPlans, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    const auto first = make_plan(fleet.request);
    const auto second = make_plan(fleet.request);
    for (std::size_t i = 0; i < first.domains.size(); ++i) {
        RC_ASSERT(same_pins(first.domains[i], second.domains[i]));
        RC_ASSERT(first.domains[i].cost == second.domains[i].cost);
        RC_ASSERT(first.domains[i].reasons == second.domains[i].reasons);
    }
}

// A running one that floats or moves takes its memory along: then there may be room where it was.
bool somebody_takes_memory_along(const PlanRequest& request, const Plan& plan)
{
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& intent = request.intents[i];
        const auto& domain = plan.domains[i];
        const auto moves =
            domain.placement == Placement::dedicated &&
            std::any_of(domain.vcpus.begin(), domain.vcpus.end(), [&](const auto& pin) {
                const auto was = intent.current.vcpus.find(pin.first);
                return was == intent.current.vcpus.end() || was->second != pin.second;
            });
        const auto follows = domain.placement == Placement::shared &&
                             (!domain.numatune || domain.numatune->nodes != intent.memory_nodes);
        if ((follows || moves) && intent.memory_kib > 0 && intent.activity == Activity::running) {
            return true;
        }
    }
    return false;
}

RC_GTEST_PROP(Fleets, PlanningFromTheResultMovesNothing, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    forget_what_is_free(fleet.topology);
    const auto plan = make_plan(fleet.request);
    log_plan(plan);
    RC_PRE(!somebody_may_lack_memory(fleet.request, plan));
    RC_PRE(!somebody_cannot_start(fleet.request, plan));
    // Who is left untouched is still a newcomer, or stays on whatever CPUs somebody pinned it to,
    // other domains' or not: then what is there is not what the plan says. And where there is
    // no pool, one that floats on a single claimed CPU cannot be told from the one that has it.
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& intent = fleet.request.intents[i];
        const auto& domain = plan.domains[i];
        RC_PRE(intent.stance != Stance::managed || intent.activity == Activity::dormant ||
               domain.placement != Placement::none);
        // Housekeeping may give way later to one that floats: when it has another home, or when
        // those that arrived with it run, so that nobody else could lose anything any more.
        RC_PRE(fleet.request.housekeeping || intent.stance != Stance::managed ||
               intent.activity == Activity::dormant ||
               intent.policy.placement == Placement::shared ||
               domain.placement == intent.policy.placement);
        // A core for its threads is looked for three times and not in every place: one that floats
        // or waits for want of it may find one from where it is.
        RC_PRE(intent.policy.emulator.mode != ThreadChoice::Mode::own ||
               (domain.placement == intent.policy.placement && !domain.awaits));
        // Nothing tells the next plan where the memory of a newcomer is that follows no vCPUs, or
        // that is locked and on other nodes than those it floats on.
        RC_PRE(intent.activity != Activity::arriving || intent.memory_kib == 0 || domain.numatune);
        RC_PRE(intent.activity != Activity::arriving || !intent.memory_locked ||
               domain.placement != Placement::shared || domain.numatune);
        RC_PRE(domain.placement != Placement::shared ||
               plan.pool.includes(domain.vcpus.begin()->second) ||
               domain.vcpus.begin()->second.size() > 1);
    }
    auto request = fleet.request;
    auto settled = plan;
    for (auto times = 0; times < 3 && somebody_takes_memory_along(request, settled); ++times) {
        request = applied(request, settled);
        settled = make_plan(request);
    }
    const auto again = make_plan(applied(request, settled));
    log_plan(settled);
    log_plan(again);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        RC_ASSERT(same_pins(settled.domains[i], again.domains[i]));
    }
}

// Those that float take what newcomers leave of the pool.
std::map<VcpuId, CpuSet> own_pins(const DomainPlan& plan)
{
    auto pins = plan.vcpus;
    std::erase_if(pins, [&plan](const auto& pin) { return plan.floating.contains(pin.first); });
    return pins;
}

// Whoever runs in its place stays there when somebody arrives who fits beside them.
RC_GTEST_PROP(Fleets, NewcomerThatFitsMovesNobody, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    forget_what_is_free(fleet.topology);
    const auto plan = make_plan(fleet.request);
    RC_PRE(!somebody_may_lack_memory(fleet.request, plan));
    RC_PRE(!somebody_cannot_start(fleet.request, plan));
    auto next = applied(fleet.request, plan);
    const auto before = make_plan(next);
    auto newcomer = pick_intent(fleet.topology, 99, 6);
    RC_LOG() << describe(newcomer);
    const auto in_use = [&] {
        CpuSet cpus;
        for (const auto& domain : before.domains) {
            cpus |= domain.claim;
        }
        return cpus;
    }();
    auto beside = next;
    beside.usable = before.usable - in_use;
    beside.housekeeping = before.housekeeping;
    beside.intents = {newcomer};
    const auto fits = make_plan(beside).domains.front().placement == Placement::dedicated;
    next.intents.push_back(newcomer);
    next.housekeeping = before.housekeeping;
    const auto after = make_plan(next);
    log_plan(before);
    log_plan(after);
    RC_CLASSIFY(fits, "fits beside the others");
    for (std::size_t i = 0; i < before.domains.size(); ++i) {
        const auto in_place = next.intents[i].activity == Activity::running &&
                              next.intents[i].current.vcpus == before.domains[i].vcpus;
        if (fits && in_place && before.domains[i].placement == Placement::dedicated) {
            RC_ASSERT(own_pins(before.domains[i]) == own_pins(after.domains[i]));
        }
    }
}

Loss loss_of_plan(const Topology& host, const Intent& intent, const DomainPlan& plan)
{
    std::optional<Placed> placed;
    if (plan.placement == Placement::dedicated) {
        placed = Placed{.pins = {}, .claim = plan.claim, .cost = plan.cost, .proven = plan.optimal};
        for (const auto vcpu : intent.vcpus_online) {
            placed->pins.emplace(vcpu, plan.vcpus.at(vcpu).front());
        }
    }
    auto loss = loss_of(HostIndex{host}, intent, placed);
    // Distances, isolated CPUs, siblings and others come first, and that is no loss.
    loss.vcache = false;
    loss.device = false;
    return loss;
}

// No list that keeps a core would serve a domain better than automatic housekeeping does.
RC_GTEST_PROP(Fleets, NobodyLosesToAutomaticHousekeeping, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    fleet.request.housekeeping.reset();
    auto& intents = fleet.request.intents;
    intents.resize(1);
    intents[0].stance = Stance::managed;
    intents[0].activity = pick_one({Activity::arriving, Activity::dormant});
    intents[0].current = {};
    intents[0].has_our_pins = false;
    intents[0].policy.placement = Placement::dedicated;
    // What is not looked for in every place: memory, a core for its threads, and cells.
    intents[0].memory_kib = 0;
    intents[0].hugepage_kib.reset();
    intents[0].memory_locked = false;
    intents[0].memory_nodes = {};
    intents[0].policy.emulator = {};
    intents[0].iothreads = {};
    intents[0].cells = {};
    const auto plan = make_plan(fleet.request);
    log_plan(plan);
    const auto loss = loss_of_plan(fleet.topology, intents[0], plan.domains[0]);
    const auto cores =
        std::count_if(fleet.topology.cores.begin(), fleet.topology.cores.end(),
                      [&plan](const Core& core) { return core.cpus.intersects(plan.usable); });
    RC_ASSERT(cores < 2 || !plan.housekeeping.empty());
    for (const auto& core : fleet.topology.cores) {
        auto listed = fleet.request;
        listed.housekeeping = core.cpus & plan.usable;
        if (listed.housekeeping->empty()) {
            continue;
        }
        const auto other = make_plan(listed).domains[0];
        RC_LOG() << "housekeeping " << listed.housekeeping->str() << " instead of "
                 << plan.housekeeping.str() << "\n";
        RC_CLASSIFY(loss < loss_of_plan(fleet.topology, intents[0], other), "better than a list");
        RC_ASSERT(loss <= loss_of_plan(fleet.topology, intents[0], other));
    }
}

// Arrival decides only between equals: with priorities that all differ, the order of the input
// does not matter.
RC_GTEST_PROP(Fleets, InputOrderDoesNotMatterWherePrioritiesDiffer, ())
{
    RandomFleet fleet;
    pick_fleet(fleet);
    auto& intents = fleet.request.intents;
    for (std::size_t i = 0; i < intents.size(); ++i) {
        intents[i].activity = Activity::arriving;
        intents[i].policy.priority = static_cast<std::int32_t>(i);
    }
    const auto forth = make_plan(fleet.request);
    std::reverse(intents.begin(), intents.end());
    const auto back = make_plan(fleet.request);
    log_plan(forth);
    log_plan(back);
    for (const auto& domain : forth.domains) {
        const auto* same = back.find(domain.uuid);
        RC_ASSERT(same->placement == domain.placement);
        RC_ASSERT(same->vcpus == domain.vcpus);
    }
}

// Other numbers for the same CPUs: the same cost, whatever ties the numbers break.
RC_GTEST_PROP(Fleets, CpuNumbersDoNotMatter, ())
{
    const auto count = pick(2, 12);
    std::vector<CoreSpec> specs;
    std::vector<CoreSpec> renumbered;
    const auto nesting =
        pick_one({Nesting::package_node_l3, Nesting::package_l3_node, Nesting::node_package_l3});
    const auto ids = pick_cpu_ids(2 * count);
    for (std::uint32_t core = 0; core < count; ++core) {
        CoreSpec spec;
        place_core(spec, core, count, nesting);
        spec.cpus = {2 * core, 2 * core + 1};
        specs.push_back(spec);
        spec.cpus = {ids[2 * core], ids[2 * core + 1]};
        std::sort(spec.cpus.begin(), spec.cpus.end());
        renumbered.push_back(spec);
    }
    const auto plain = host_of_cores(specs);
    const auto other = host_of_cores(renumbered);
    auto intent = pick_intent(plain, 1, 2 * count);
    intent.policy.cpus = {};
    const auto taken = pick_some(plain.all_cpus(), 4);
    CpuSet taken_there;
    for (const auto cpu : taken) {
        taken_there.insert(CpuId{ids[raw(cpu)]});
    }
    PlanRequest here{.topology = &plain, .housekeeping = taken, .intents = {intent}};
    PlanRequest there{.topology = &other, .housekeeping = taken_there, .intents = {intent}};
    RC_LOG() << describe(plain) << describe(other) << describe(intent) << taken.str() << " is "
             << taken_there.str() << "\n";
    const auto first = make_plan(here).domains.front();
    const auto second = make_plan(there).domains.front();
    RC_ASSERT(first.placement == second.placement);
    RC_PRE(first.optimal && second.optimal);
    RC_LOG() << describe(first.cost) << describe(second.cost);
    RC_ASSERT(first.cost == second.cost);
}

} // namespace
} // namespace virtpind
