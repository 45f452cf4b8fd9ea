// SPDX-License-Identifier: LGPL-2.1-or-later
#include "invariants.hpp"

#include <algorithm>
#include <set>

namespace virtpind {

namespace {

class Checker {
public:
    Checker(const PlanRequest& request, const Plan& plan) : request_{request}, plan_{plan} {}

    std::vector<std::string> run() &&
    {
        if (plan_.domains.size() != request_.intents.size()) {
            problems_.push_back("the plan has " + std::to_string(plan_.domains.size()) +
                                " domains, the request " + std::to_string(request_.intents.size()));
            return std::move(problems_);
        }
        check_frame();
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            intent_ = &request_.intents[i];
            domain_ = &plan_.domains[i];
            check_domain();
        }
        check_claims();
        return std::move(problems_);
    }

private:
    void expect(bool holds, const std::string& what)
    {
        if (!holds) {
            problems_.push_back((domain_ != nullptr ? domain_->name + ": " : std::string{}) + what);
        }
    }

    void check_frame()
    {
        expect(request_.topology->usable_cpus().includes(plan_.usable),
               "usable CPUs that are offline or not allowed");
        expect(!request_.usable || request_.usable->includes(plan_.usable),
               "usable CPUs beyond those given");
        expect(plan_.usable.includes(plan_.housekeeping), "housekeeping that is not usable");
        expect((plan_.usable - plan_.housekeeping).includes(plan_.pool),
               "a pool that is not usable, or is housekeeping");
        expect(request_.housekeeping || plan_.usable.empty() || plan_.housekeeping != plan_.usable,
               "housekeeping takes every CPU");
    }

    void check_domain()
    {
        const auto managed = intent_->stance == Stance::managed;
        expect(domain_->uuid == intent_->uuid, "the uuid is not that of its intent");
        expect(managed || domain_->placement == Placement::none, "it must not be touched");
        if (domain_->placement == Placement::none) {
            expect(domain_->vcpus.empty() && domain_->emulator.empty(),
                   "it is left alone but has pins");
            return;
        }
        check_threads();
        if (domain_->placement == Placement::dedicated) {
            check_dedicated();
        } else {
            check_shared();
        }
    }

    void check_threads()
    {
        expect(domain_->vcpus.size() == intent_->vcpus_max, "some vCPU has no pin");
        for (const auto& [vcpu, pin] : domain_->vcpus) {
            expect(!pin.empty() && plan_.usable.includes(pin),
                   "vCPU " + std::to_string(raw(vcpu)) + " is pinned to no usable CPU");
        }
        expect(!domain_->emulator.empty() && plan_.usable.includes(domain_->emulator),
               "the emulator is pinned to no usable CPU");
        expect(!domain_->start_emulator || (!domain_->start_emulator->empty() &&
                                            domain_->claim.includes(*domain_->start_emulator)),
               "the emulator would start outside of the claim");
        expect(domain_->iothreads.size() == intent_->iothreads.size(),
               "some I/O thread has no pin");
        for (const auto& [iothread, pin] : domain_->iothreads) {
            expect(!pin.empty() && plan_.usable.includes(pin),
                   "I/O thread " + std::to_string(raw(iothread)) + " is pinned to no usable CPU");
        }
        expect(!domain_->numatune || intent_->policy.memory == MemoryChoice::follow,
               "memory=keep but memory is moved");
    }

    void check_dedicated()
    {
        CpuSet own;
        for (const auto vcpu : intent_->vcpus_online) {
            const auto& pin = domain_->vcpus.at(vcpu);
            expect(pin.size() == 1 && !own.intersects(pin),
                   "vCPU " + std::to_string(raw(vcpu)) + " has no CPU of its own");
            own |= pin;
        }
        for (const auto& [vcpu, pin] : domain_->vcpus) {
            expect(intent_->vcpus_online.contains(vcpu) || own.includes(pin),
                   "an offline vCPU would be born on a CPU of others");
        }
        expect(domain_->claim.includes(own), "its CPUs are not all claimed");
        expect(!domain_->claim.intersects(plan_.housekeeping), "it claims housekeeping CPUs");
        expect(intent_->policy.cpus.empty() || intent_->policy.cpus.includes(own),
               "it has CPUs that the option cpus rules out");
        check_cores(own);
        check_nodes(own);
    }

    void check_cores(const CpuSet& own)
    {
        const auto& topology = *request_.topology;
        const auto smt = intent_->policy.smt;
        const auto online = topology.online_cpus();
        std::set<KindIndex> kinds;
        for (const auto& core : topology.cores) {
            const auto used = core.cpus.common(own);
            if (used == 0) {
                continue;
            }
            kinds.insert(core.kind);
            if (smt == SmtChoice::require || smt == SmtChoice::isolate) {
                expect(domain_->claim.includes(core.cpus & online),
                       "it does not own core " + core.cpus.str() + " whole");
            }
            if (smt == SmtChoice::isolate || smt == SmtChoice::spread) {
                expect(used == 1, "two vCPUs are on core " + core.cpus.str());
            }
            expect(topology.kinds[raw(core.kind)].core_class != CoreClass::low_power ||
                       intent_->policy.cores == CoreChoice::any,
                   "it has low-power cores without cores=any");
        }
        expect(kinds.size() <= 1 || intent_->policy.cores == CoreChoice::any,
               "it has several kinds of core without cores=any");
    }

    void check_nodes(const CpuSet& own)
    {
        const auto& topology = *request_.topology;
        const auto nodes = topology.nodes_of(own);
        expect(intent_->policy.numa != NumaChoice::single || nodes.size() == 1,
               "numa=single but it spans nodes " + nodes.str());
        if (intent_->activity == Activity::running && intent_->memory_locked &&
            !intent_->memory_nodes.empty()) {
            expect(intent_->memory_nodes.includes(nodes), "its locked memory is on nodes " +
                                                              intent_->memory_nodes.str() +
                                                              ", its vCPUs on " + nodes.str());
        }
    }

    void check_shared()
    {
        const auto& first = domain_->vcpus.begin()->second;
        expect(plan_.pool.includes(first) || plan_.pool.empty(), "it floats beyond the pool");
        expect(domain_->claim.empty(), "it floats and claims CPUs");
        for (const auto& [vcpu, pin] : domain_->vcpus) {
            expect(pin == first, "its vCPUs do not float on the same CPUs");
        }
    }

    // Claims of planned domains exclude each other; dormant ones only stay off the active ones.
    void check_claims()
    {
        CpuSet active;
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            intent_ = &request_.intents[i];
            domain_ = &plan_.domains[i];
            if (intent_->activity == Activity::dormant) {
                continue;
            }
            // Whoever pins by hand may overlap by hand.
            expect(domain_->placement != Placement::dedicated || !domain_->claim.intersects(active),
                   "its claim " + domain_->claim.str() + " overlaps another");
            expect(!domain_->claim.intersects(plan_.pool), "its claim is in the pool");
            active |= domain_->claim;
        }
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            intent_ = &request_.intents[i];
            domain_ = &plan_.domains[i];
            const auto dormant = intent_->activity == Activity::dormant &&
                                 domain_->placement == Placement::dedicated;
            expect(!dormant || !domain_->claim.intersects(active),
                   "it is shut off and in the way of a running domain");
        }
    }

    const PlanRequest& request_;
    const Plan& plan_;
    const Intent* intent_ = nullptr;
    const DomainPlan* domain_ = nullptr; // whom problems are about
    std::vector<std::string> problems_;
};

} // namespace

std::vector<std::string> check_plan(const PlanRequest& request, const Plan& plan)
{
    return Checker{request, plan}.run();
}

} // namespace virtpind
