// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of one plan: dedicated domains and housekeeping (arrangement.hpp), the pool, shared
// domains, and last the domains that are shut off.
#include "planner.hpp"

#include "daemon/planner/explain/explain.hpp"
#include "daemon/planner/explain/not_now.hpp"
#include "daemon/planner/explain/thread_conflicts.hpp"
#include "daemon/planner/explain/yielding.hpp"
#include "daemon/planner/fleet/emulator_threads.hpp"
#include "daemon/planner/fleet/memory_binding.hpp"
#include "daemon/planner/fleet/own_cores.hpp"
#include "daemon/planner/fleet/placing_order.hpp"
#include "daemon/planner/fleet/shared_pool.hpp"
#include "daemon/planner/fleet/shut_off.hpp"
#include "daemon/planner/place/elsewhere.hpp"
#include "daemon/planner/place/guest_shape.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

class Planning {
public:
    explicit Planning(const PlanRequest& request)
        : host_{*request.topology}
        , plan_{frame(request)}
        , arrangement_{arrange(host_, request, plan_.usable)}
        , fleet_{*arrangement_.fleet}
    {
        plan_.housekeeping = fleet_.housekeeping();
        plan_.yielded = arrangement_.yielded();
        plan_.fleet = std::move(arrangement_.report);
        for (const auto& member : fleet_.members()) {
            plan_.tidied_vcpus += member.tidied ? member.tidied->vcpus : 0;
        }
    }

    Plan run() &&
    {
        plan_.pool = fleet_.pool();
        plan_.domains.resize(fleet_.members().size());
        used_last_ = cores_of_one_vcpu(fleet_);
        auto pool = pool_of(plan_.pool);
        for (const auto& member : fleet_.members()) {
            load(pool, member, member.load, member.load_vcpus);
        }
        fill(pool, Activity::running); // these stay where they are when that is as good
        fill(pool, Activity::arriving);
        explain_overruns();
        later_ = place_shut_off(arrangement_); // their memory is what all the others leave
        fill(pool, Activity::dormant);
        explain_fixed_threads(fleet_, plan_.domains);
        return std::move(plan_);
    }

private:
    using Later = Fleet::Later;

    // vCPUs that float somewhere already.
    struct Load {
        const Member* member = nullptr;
        CpuSet cpus;
        std::size_t vcpus = 0;
    };

    static Plan frame(const PlanRequest& request)
    {
        Plan plan;
        plan.topology_generation = request.topology->generation;
        plan.usable = request.topology->usable_cpus();
        if (request.usable) {
            plan.usable &= *request.usable;
        }
        return plan;
    }

    void load(SharedPool& pool, const Member& member, const CpuSet& cpus, std::size_t vcpus)
    {
        if (vcpus > 0) {
            pool.load(cpus, vcpus);
            loads_.push_back({.member = &member, .cpus = cpus, .vcpus = vcpus});
        }
    }

    [[nodiscard]] SharedPool pool_of(CpuSet cpus) const
    {
        return pool_of(std::move(cpus), plan_.housekeeping);
    }

    [[nodiscard]] SharedPool pool_of(CpuSet cpus, const CpuSet& housekeeping) const
    {
        return {
            host_, {.cpus = std::move(cpus), .used_last = used_last_}, housekeeping, plan_.usable};
    }

    // The pool as it is for `member`, which never runs together with some of those that float on it
    // or claim something of it.
    [[nodiscard]] SharedPool pool_without_rivals(const Member& member) const
    {
        auto pool = pool_of(fleet_.pool_for(member));
        for (const auto& load : loads_) {
            if (!never_together(member, *load.member)) {
                pool.load(load.cpus, load.vcpus);
            }
        }
        return pool;
    }

    void fill(SharedPool& pool, Activity activity)
    {
        for (std::size_t i = 0; i < fleet_.members().size(); ++i) {
            auto& member = fleet_.members()[i];
            if (member.intent->activity != activity) {
                continue;
            }
            fleet_.turn_of(*member.intent);
            auto& plan = plan_.domains[i];
            plan.uuid = member.intent->uuid;
            plan.name = member.intent->name;
            plan.reasons = member.intent->why;
            plan.claim = member.claim;
            if (member.intent->stance == Stance::managed) {
                plan.requested = member.intent->policy.placement;
            }
            fill_one(member, pool, plan, activity == Activity::dormant ? later_[i] : Later::no);
        }
    }

    // Those that float on the claims of others are named there, too.
    void explain_overruns()
    {
        for (auto& plan : plan_.domains) {
            NameList names;
            for (const auto* other : overrunning_) {
                if (other->vcpus.begin()->second.intersects(plan.claim)) {
                    names.push_back(other->name);
                }
            }
            if (!names.empty()) {
                explain_overrun(std::move(names), plan);
            }
        }
    }

    void fill_one(Member& member, SharedPool& pool, DomainPlan& plan, Later later)
    {
        if (member.role == Member::Role::untouched) {
            explain_untouched(member, plan);
            return;
        }
        if (plan_.usable.empty()) {
            plan.satisfied = false;
            plan.reasons.push_back({ReasonCode::no_room});
            return;
        }
        explain_elsewhere(*host_.topology, *member.intent, plan);
        std::optional<NodeSet> memory_elsewhere;
        if (member.placed) {
            plan.awaits = later != Later::no;
            pin_dedicated(member, pool, plan, later);
        } else {
            if (member.role == Member::Role::dedicated) {
                plan.satisfied = false;
                explain_infeasible(fleet_, member, plan);
                if (member.intent->policy.fallback == Fallback::fail) {
                    return;
                }
            }
            const auto share = pin_shared(member, pool, plan, later);
            if (!share) {
                return;
            }
            if (share->memory_short) {
                memory_elsewhere = share->memory_nodes;
            }
        }
        explain_not_now(fleet_, member, later, plan);
        plan_threads({.host = host_,
                      .member = member,
                      .usable = plan_.usable,
                      .housekeeping = fleet_.housekeeping_beside(member),
                      .pool = (later == Later::cpus ? fleet_.pool_of_all_beside(member)
                                                    : fleet_.pool_for(member)) -
                              member.claim},
                     plan);
        plan_memory({.host = host_,
                     .intent = *member.intent,
                     .several_nodes = fleet_.memory().several_nodes(),
                     .elsewhere = std::move(memory_elsewhere)},
                    plan);
        let_plugged_start_elsewhere(*member.intent, plan);
        plan.online = member.intent->all_online();
        plan.plug = member.intent->plug;
        plan.unplug = member.intent->unplug;
        plan.satisfied = plan.satisfied && member.intent->vcpus_as_asked;
    }

    // A vCPU that somebody plugs cannot be born on CPUs that others of its guest have to
    // themselves: it begins beside the emulator, and gets its own in the pass that follows.
    static void let_plugged_start_elsewhere(const Intent& intent, DomainPlan& plan)
    {
        if (intent.policy.isolate == IsolateChoice::no || plan.placement != Placement::dedicated ||
            plan.own_cpus().intersects(plan.emulator)) {
            return;
        }
        for (auto& [vcpu, cpus] : plan.vcpus) {
            if (!intent.all_online().contains(vcpu) && !plan.floating.contains(vcpu)) {
                cpus = plan.emulator;
            }
        }
    }

    // The vCPUs that the policy gives no CPUs of their own, offline ones too.
    void pin_floating(const Member& member, SharedPool& common, DomainPlan& plan, Later later)
    {
        const auto& intent = *member.intent;
        if (intent.policy.dedicated_vcpus.empty()) {
            return;
        }
        plan.floating = VcpuSet::range(0, intent.vcpus_max - 1) - intent.policy.dedicated_vcpus;
        const auto cpus =
            later == Later::cpus ? fleet_.pool_of_all_beside(member) : fleet_.pool_for(member);
        const auto pool = pool_of(cpus - member.claim, fleet_.housekeeping_beside(member));
        const auto share = pool.find_beside(intent, plan.vcpu_cpus());
        for (const auto vcpu : plan.floating) {
            plan.vcpus.emplace(vcpu, share.cpus);
        }
        if (intent.floating.empty()) {
            return;
        }
        plan.satisfied = plan.satisfied && share.as_asked();
        if (later != Later::cpus && share.on != Share::On::claimed) {
            load(common, member, share.cpus, intent.floating.size());
        }
        explain_floating(member, share, plan);
    }

    void pin_dedicated(const Member& member, SharedPool& common, DomainPlan& plan, Later later)
    {
        plan.placement = Placement::dedicated;
        plan.optimal = member.placed->proven;
        plan.cost = member.placed->cost;
        plan.satisfied = plan.cost[CostTerm::kind] == 0;
        CpuSet own;
        for (const auto& [vcpu, cpu] : member.placed->pins) {
            plan.vcpus[vcpu] = {cpu};
            own.insert(cpu);
        }
        pin_floating(member, common, plan, later);
        for (const auto& [vcpus, cpus] : cpus_by_cell(*member.intent, member.placed->pins)) {
            for (const auto vcpu : vcpus) {
                plan.vcpus.try_emplace(vcpu, cpus);
            }
        }
        for (std::uint32_t i = 0; i < member.intent->vcpus_max; ++i) {
            plan.vcpus.try_emplace(VcpuId{i}, own);
        }
        explain_dedicated(fleet_, member, plan);
        plan.housekeeping = member.housekeeping;
        explain_yielding(fleet_, member, arrangement_.wished, plan);
    }

    // Where `member` floats. One that is shut off does so as if what is in its way were not there,
    // if that is what it takes: `later` then says what is. Precondition: nothing is booked for it.
    Share find_share(const Member& member, const SharedPool& pool, Later& later) const
    {
        const auto& intent = *member.intent;
        auto share = pool.find(intent, fleet_.memory_for(member, Fleet::Memory::beside_all));
        const auto is_good = [](const Share& found) { return found.as_asked() && found.holds; };
        if (intent.activity != Activity::dormant || is_good(share)) {
            return share;
        }
        const auto whole = pool_of(fleet_.pool_of_all());
        const std::array worlds{std::tuple{&pool, Fleet::Memory::beside_active, Later::no},
                                std::tuple{&pool, Fleet::Memory::in_all, Later::memory},
                                std::tuple{&pool, Fleet::Memory::any, Later::memory},
                                std::tuple{&whole, Fleet::Memory::in_all, Later::cpus},
                                std::tuple{&whole, Fleet::Memory::any, Later::cpus}};
        for (const auto& [from, memory, what] : worlds) {
            auto found = from->find(intent, fleet_.memory_for(member, memory));
            if (is_good(found)) {
                later = what;
                return found;
            }
        }
        return share;
    }

    // Absent: it is left untouched.
    std::optional<Share> pin_shared(Member& member, SharedPool& common, DomainPlan& plan,
                                    Later& later)
    {
        const auto& intent = *member.intent;
        auto& memory = fleet_.memory();
        memory.give_back(std::exchange(member.memory, {}));
        auto own = fleet_.rivals(member).empty() ? std::nullopt
                                                 : std::optional{pool_without_rivals(member)};
        const auto& pool = own ? *own : common;
        const auto share = find_share(member, pool, later);
        plan.awaits = later != Later::no;
        plan.claim = {};
        if (!share.as_asked()) {
            plan.satisfied = false;
            explain_shortfall(host_, member, share, plan);
            if (intent.policy.fallback == Fallback::fail) {
                explain_left_alone(plan);
                member.memory = memory.reserve_existing(intent);
                return std::nullopt;
            }
        }
        if (later != Later::cpus) {
            load(common, member, share.cpus, intent.all_online().size());
        }
        member.memory = later != Later::no
                            ? MemoryLedger::Taken{}
                            : memory.take(intent, share.memory_nodes.empty()
                                                      ? host_.topology->nodes_of(share.cpus)
                                                      : share.memory_nodes);
        plan.placement = Placement::shared;
        for (std::uint32_t i = 0; i < intent.vcpus_max; ++i) {
            plan.vcpus.emplace(VcpuId{i}, share.cpus);
        }
        explain_share(fleet_, member, share, plan);
        if (share.on == Share::On::claimed) {
            overrunning_.push_back(&plan);
        }
        return share;
    }

    HostIndex host_;
    Plan plan_;
    Arrangement arrangement_;
    Fleet& fleet_;     // of the arrangement
    CpuSet used_last_; // cores of which one vCPU has a CPU, and the pool the others
    std::vector<const DomainPlan*> overrunning_; // active ones that float on claimed CPUs
    std::vector<Later> later_;                   // of dormant ones, by position
    std::vector<Load> loads_;
};

// Everything that breaks ties by position then does so by priority first, and by arrival only
// between equals.
bool is_more_urgent(const Intent& a, const Intent& b)
{
    return a.policy.priority > b.policy.priority;
}

Plan plan_by_priority(const PlanRequest& request)
{
    auto sorted = request;
    std::vector<std::size_t> order(request.intents.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&request](std::size_t a, std::size_t b) {
        return is_more_urgent(request.intents[a], request.intents[b]);
    });
    std::transform(order.begin(), order.end(), sorted.intents.begin(),
                   [&request](std::size_t at) { return request.intents[at]; });
    auto plan = Planning{sorted}.run();
    std::vector<DomainPlan> domains(plan.domains.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        domains[order[i]] = std::move(plan.domains[i]);
    }
    plan.domains = std::move(domains);
    return plan;
}

} // namespace

Plan make_plan(const PlanRequest& request)
{
    const auto in_order =
        std::is_sorted(request.intents.begin(), request.intents.end(), is_more_urgent);
    return in_order ? Planning{request}.run() : plan_by_priority(request);
}

} // namespace virtpind
