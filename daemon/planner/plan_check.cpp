// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_check.hpp"

#include "check_context.hpp"
#include "memory_check.hpp"
#include "placement_check.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

void check_frame(CheckContext& check)
{
    const auto& request = check.request();
    const auto& plan = check.plan();
    check.expect(request.topology->usable_cpus().includes(plan.usable),
                 "usable CPUs that are offline or not allowed");
    check.expect(!request.usable || request.usable->includes(plan.usable),
                 "usable CPUs beyond those given");
    check.expect(plan.usable.includes(plan.housekeeping), "housekeeping that is not usable");
    check.expect((plan.usable - plan.housekeeping).includes(plan.pool),
                 "a pool that is not usable, or is housekeeping");
    check.expect(!plan.pool.intersects(request.topology->quiet_cpus()), "a pool of isolated CPUs");
    check.expect(request.housekeeping || plan.usable.empty() || plan.housekeeping != plan.usable,
                 "housekeeping takes every CPU");
    const auto cores =
        std::count_if(request.topology->cores.begin(), request.topology->cores.end(),
                      [&plan](const Core& core) { return core.cpus.intersects(plan.usable); });
    check.expect(request.housekeeping || cores < 2 || !plan.housekeeping.empty(),
                 "automatic housekeeping has no core left");
    check.expect(!request.housekeeping || plan.yielded.empty(), "a list of housekeeping gives way");
    check.expect(!plan.yielded.intersects(plan.housekeeping),
                 "housekeeping keeps what it gives away");
}

// Housekeeping waits for those that are shut off, and even then keeps something.
void check_housekeeping_to_come(CheckContext& check)
{
    const auto& later = check.domain().housekeeping;
    check.expect(!later || (check.intent().activity == Activity::dormant &&
                            !check.request().housekeeping && !later->empty() &&
                            check.plan().usable.includes(*later)),
                 "housekeeping gives way to it in another way than when it starts");
}

void check_threads(CheckContext& check)
{
    const auto& plan = check.plan();
    const auto& intent = check.intent();
    const auto& domain = check.domain();
    check.expect(domain.vcpus.size() == intent.vcpus_max, "some vCPU has no pin");
    for (const auto& [vcpu, pin] : domain.vcpus) {
        check.expect(!pin.empty() && plan.usable.includes(pin),
                     "vCPU " + std::to_string(raw(vcpu)) + " is pinned to no usable CPU");
    }
    check.expect(!domain.emulator.empty() && plan.usable.includes(domain.emulator),
                 "the emulator is pinned to no usable CPU");
    const auto start_on =
        intent.realtime ? domain.claim | check.housekeeping() | plan.pool : domain.claim;
    check.expect(!domain.start_emulator ||
                     (!domain.start_emulator->empty() && start_on.includes(*domain.start_emulator)),
                 "the emulator would start outside of the claim");
    check.expect(domain.iothreads.size() == intent.iothreads.size(), "some I/O thread has no pin");
    for (const auto& [iothread, pin] : domain.iothreads) {
        check.expect(!pin.empty() && plan.usable.includes(pin),
                     "I/O thread " + std::to_string(raw(iothread)) + " is pinned to no usable CPU");
    }
    check.expect(!domain.numatune || intent.policy.memory == MemoryChoice::follow,
                 "memory=keep but memory is moved");
}

void check_domain(CheckContext& check)
{
    const auto& intent = check.intent();
    const auto& domain = check.domain();
    const auto managed = intent.stance == Stance::managed;
    check.expect(domain.uuid == intent.uuid, "the uuid is not that of its intent");
    check.expect(managed || domain.placement == Placement::none, "it must not be touched");
    if (domain.placement == Placement::none) {
        check.expect(domain.vcpus.empty() && domain.emulator.empty(),
                     "it is left alone but has pins");
        return;
    }
    check_threads(check);
    if (!check.has_all_pins()) {
        return; // said already; what follows reads them
    }
    check_own_cores(check);
    check_housekeeping_to_come(check);
    if (domain.placement == Placement::dedicated) {
        check_dedicated(check);
    } else {
        check_shared(check);
    }
}

// Claims of planned domains exclude each other; dormant ones only stay off the active ones.
class ClaimCheck {
public:
    explicit ClaimCheck(CheckContext& check)
        : check_{check}, request_{check.request()}, plan_{check.plan()}
    {}

    void run()
    {
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            if (request_.intents[i].activity != Activity::dormant) {
                claimed_twice_ |= claimed_ & plan_.domains[i].claim;
                claimed_ |= plan_.domains[i].claim;
            }
        }
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            check_.look_at(i);
            if (check_.intent().activity == Activity::dormant) {
                continue;
            }
            // Whoever pins by hand may overlap by hand.
            check_.expect(check_.domain().placement != Placement::dedicated ||
                              !check_.domain().claim.intersects(claimed_beside(i)),
                          "its claim " + check_.domain().claim.str() + " overlaps another");
            check_.expect(!check_.domain().claim.intersects(plan_.pool),
                          "its claim is in the pool");
        }
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            check_.look_at(i);
            const auto dormant = check_.intent().activity == Activity::dormant &&
                                 check_.domain().placement == Placement::dedicated;
            check_.expect(!dormant || check_.domain().awaits ||
                              !check_.domain().claim.intersects(claimed_beside(i)),
                          "it is shut off and in the way of a running domain");
        }
    }

private:
    // What active domains claim that may run together with this one and that it might have, too.
    [[nodiscard]] CpuSet claimed_beside(std::size_t at) const
    {
        const auto& intent = request_.intents[at];
        if (intent.exclusive.empty()) { // as far as it matters to this one
            return intent.activity == Activity::dormant ? claimed_ : claimed_twice_;
        }
        CpuSet claimed;
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            if (i != at && request_.intents[i].activity != Activity::dormant &&
                !CheckContext::never_together(request_.intents[at], request_.intents[i])) {
                claimed |= plan_.domains[i].claim;
            }
        }
        return claimed;
    }

    CheckContext& check_;
    const PlanRequest& request_;
    const Plan& plan_;
    CpuSet claimed_;       // by active domains
    CpuSet claimed_twice_; // by several of them
};

} // namespace

std::vector<BrokenRule> find_broken_rules(const PlanRequest& request, const Plan& plan)
{
    CheckContext check{request, plan};
    if (plan.domains.size() != request.intents.size()) {
        check.expect(false, "the plan has " + std::to_string(plan.domains.size()) +
                                " domains, the request " + std::to_string(request.intents.size()));
        return std::move(check).take();
    }
    check_frame(check);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        check.look_at(i);
        check_domain(check);
    }
    ClaimCheck{check}.run();
    check_promises(check);
    return std::move(check).take();
}

std::vector<std::string> check_plan(const PlanRequest& request, const Plan& plan)
{
    std::vector<std::string> texts;
    for (auto& rule : find_broken_rules(request, plan)) {
        texts.push_back(std::move(rule.text));
    }
    return texts;
}

} // namespace virtpind
