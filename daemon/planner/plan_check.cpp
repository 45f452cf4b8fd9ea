// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_check.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace virtpind {

namespace {

class Checker {
public:
    Checker(const PlanRequest& request, const Plan& plan) : request_{request}, plan_{plan} {}

    std::vector<BrokenRule> run() &&
    {
        if (plan_.domains.size() != request_.intents.size()) {
            expect(false, "the plan has " + std::to_string(plan_.domains.size()) +
                              " domains, the request " + std::to_string(request_.intents.size()));
            return std::move(problems_);
        }
        check_frame();
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            look_at(i);
            check_domain();
        }
        check_claims();
        check_promises();
        return std::move(problems_);
    }

private:
    // Problems from here on are its, and so is an exception.
    void look_at(std::size_t domain)
    {
        intent_ = &request_.intents[domain];
        domain_ = &plan_.domains[domain];
        if (request_.watch != nullptr) {
            request_.watch->at(intent_->uuid);
        }
    }

    void expect(bool holds, const std::string& what)
    {
        if (!holds) {
            problems_.push_back(
                {.domain = domain_ != nullptr ? std::optional{intent_->uuid} : std::nullopt,
                 .text = (domain_ != nullptr ? domain_->name + ": " : std::string{}) + what});
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
        expect(!plan_.pool.intersects(request_.topology->quiet_cpus()), "a pool of isolated CPUs");
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
        if (!has_all_pins()) {
            return; // said already; what follows reads them
        }
        check_own_cores();
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
        const auto start_on =
            intent_->realtime ? domain_->claim | plan_.housekeeping | plan_.pool : domain_->claim;
        expect(!domain_->start_emulator || (!domain_->start_emulator->empty() &&
                                            start_on.includes(*domain_->start_emulator)),
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

    // Precondition: intent_ and domain_ are those of one domain.
    [[nodiscard]] bool has_all_pins() const
    {
        return !domain_->vcpus.empty() &&
               std::all_of(intent_->vcpus_online.begin(), intent_->vcpus_online.end(),
                           [this](VcpuId vcpu) { return domain_->vcpus.contains(vcpu); });
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
        check_threads_keep_off();
    }

    // They have a device in common, and one of them is shut off.
    static bool never_together(const Intent& a, const Intent& b)
    {
        return (a.shut_off || b.shut_off) &&
               std::any_of(a.exclusive.begin(), a.exclusive.end(), [&b](const std::string& device) {
                   return std::binary_search(b.exclusive.begin(), b.exclusive.end(), device);
               });
    }

    [[nodiscard]] bool has_rivals(std::size_t at) const
    {
        for (std::size_t i = 0; i < request_.intents.size(); ++i) {
            if (i != at && never_together(request_.intents[at], request_.intents[i])) {
                return true;
            }
        }
        return false;
    }

    // CPUs where threads may float: not isolated, if there are others.
    [[nodiscard]] CpuSet floatable(const CpuSet& cpus) const
    {
        const auto quiet = request_.topology->quiet_cpus();
        return quiet.includes(cpus) ? cpus : cpus - quiet;
    }

    [[nodiscard]] CpuSet pool_of_all() const
    {
        return plan_.usable - plan_.housekeeping - request_.topology->quiet_cpus();
    }

    // The pool as it is for this domain: with what those claim that it never runs together with.
    [[nodiscard]] CpuSet own_pool() const
    {
        if (intent_->exclusive.empty()) {
            return plan_.pool;
        }
        auto pool = pool_of_all();
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            const auto& other = request_.intents[i];
            if (&other != intent_ && other.activity != Activity::dormant &&
                !never_together(*intent_, other)) {
                pool -= plan_.domains[i].claim;
            }
        }
        return pool;
    }

    // What is dedicated to its vCPUs is not given to its own threads without need.
    void check_threads_keep_off()
    {
        const auto elsewhere = floatable(plan_.housekeeping) | (own_pool() - domain_->claim);
        const auto expect_off = [&](const ThreadChoice& choice, const CpuSet& cpus) {
            expect(choice.mode != ThreadChoice::Mode::automatic || elsewhere.empty() ||
                       !domain_->claim.intersects(cpus),
                   "its own threads are on its claim, though there are other CPUs for them");
        };
        expect_off(intent_->policy.emulator, domain_->emulator);
        for (const auto& [iothread, cpus] : domain_->iothreads) {
            expect_off(intent_->policy.iothreads, cpus);
        }
    }

    // A core of their own is one that is claimed for them, and that no vCPU is on.
    void check_own_cores()
    {
        auto claimed = domain_->claim;
        for (const auto vcpu : intent_->vcpus_online) {
            claimed -= domain_->vcpus.at(vcpu);
        }
        const auto have_own = [&](const ThreadChoice& choice, ReasonCode code) {
            return (choice.mode == ThreadChoice::Mode::own &&
                    domain_->placement == Placement::dedicated) ||
                   std::any_of(domain_->reasons.begin(), domain_->reasons.end(),
                               [code](const Reason& reason) { return reason.code == code; });
        };
        expect(!have_own(intent_->policy.emulator, ReasonCode::emulator_own) ||
                   claimed.includes(domain_->emulator),
               "the emulator has a core of its own that is not claimed for it");
        const auto own_iothreads = have_own(intent_->policy.iothreads, ReasonCode::iothreads_own);
        for (const auto& [iothread, cpus] : domain_->iothreads) {
            expect(!own_iothreads || claimed.includes(cpus),
                   "I/O thread " + std::to_string(raw(iothread)) +
                       " has a core of its own that is not claimed for it");
        }
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
            expect(at_id(topology.kinds, core.kind).core_class != CoreClass::low_power ||
                       intent_->policy.cores == CoreChoice::any,
                   "it has low-power cores without cores=any");
        }
        expect(kinds.size() <= 1 || intent_->policy.cores == CoreChoice::any,
               "it has several kinds of core without cores=any");
    }

    void check_nodes(const CpuSet& own)
    {
        const auto nodes = request_.topology->nodes_of(own);
        expect(intent_->policy.numa != NumaChoice::single || nodes.size() == 1,
               "numa=single but it spans nodes " + nodes.str());
        check_locked(own);
        check_memory(nodes);
    }

    // The nodes of its locked memory: as far as nobody tells, those that it is pinned to.
    [[nodiscard]] NodeSet locked_nodes() const
    {
        const auto& topology = *request_.topology;
        if (!intent_->memory_locked || intent_->activity == Activity::dormant) {
            return {};
        }
        const auto here = intent_->memory_nodes & topology.all_nodes();
        const auto told = !here.empty() || intent_->activity != Activity::running;
        return told ? here
                    : topology.nodes_of(intent_->current.narrow_cpus(topology.online_cpus(),
                                                                     intent_->vcpus_online));
    }

    // The usable CPUs there; empty: nothing holds it.
    [[nodiscard]] CpuSet locked_home() const
    {
        return plan_.usable & request_.topology->cpus_of(locked_nodes());
    }

    void check_locked(const CpuSet& own)
    {
        const auto home = locked_home();
        expect(home.empty() || home.includes(own), "its locked memory is on nodes " +
                                                       locked_nodes().str() +
                                                       ", its vCPUs on CPUs " + own.str());
    }

    void check_shared()
    {
        const auto& policy = intent_->policy;
        const auto& first = domain_->vcpus.begin()->second;
        expect(domain_->claim.empty(), "it floats and claims CPUs");
        for (const auto& [vcpu, pin] : domain_->vcpus) {
            expect(pin == first, "its vCPUs do not float on the same CPUs");
        }
        const auto home = locked_home();
        const auto where = floatable(home.empty() ? plan_.usable : home);
        // Planned for when there is room, or beside those that may run together with it.
        const auto later = domain_->awaits && pool_of_all().includes(first);
        const auto pool = later ? pool_of_all() : own_pool();
        const auto kept = plan_.housekeeping - request_.topology->quiet_cpus();
        expect(pool.includes(first) || !pool.intersects(where), "it floats beyond the pool");
        expect((pool | kept).includes(first) || !kept.intersects(where),
               "it floats on claimed CPUs beside housekeeping");
        expect(where.includes(first), "it floats on isolated CPUs though there are others");
        check_locked(first);
        if (!domain_->satisfied) {
            return;
        }
        const auto nodes = request_.topology->nodes_of(first);
        expect(pool.includes(first), "it floats beyond the pool and counts as satisfied");
        expect(policy.cpus.empty() || policy.cpus.includes(first),
               "it floats on CPUs that the option cpus rules out and counts as satisfied");
        expect(policy.numa != NumaChoice::single || nodes.size() == 1,
               "numa=single but it floats over nodes " + nodes.str());
        check_memory(nodes);
    }

    // A newcomer's memory is there at all on the nodes it gets.
    void check_memory(const NodeSet& nodes)
    {
        const auto wanted = needed_memory();
        if (wanted == 0 || has_memory() || domain_->awaits) {
            return;
        }
        const auto room = memory_of(nodes, intent_->hugepage_kib.value_or(0));
        expect(!room || *room >= wanted, "nodes " + nodes.str() + " do not have its memory");
    }

    [[nodiscard]] bool has_memory() const
    {
        return intent_->has_memory || intent_->activity == Activity::running;
    }

    [[nodiscard]] std::uint64_t needed_memory() const
    {
        return intent_->policy.memory == MemoryChoice::follow ? intent_->memory_kib : 0;
    }

    // What newcomers find there in pages of one size (0: ordinary); absent: unknown.
    [[nodiscard]] std::optional<std::uint64_t> memory_of(const NodeSet& nodes,
                                                         std::uint64_t page_kib) const
    {
        std::uint64_t sum = 0;
        auto known = false;
        std::size_t with_memory = 0;
        for (const auto& node : request_.topology->nodes) {
            with_memory += node.memory_kib > 0 ? 1U : 0U;
            for (const auto& pages : node.hugepages) {
                known = known || pages.page_kib == page_kib;
                sum += nodes.contains(node.id) && pages.page_kib == page_kib
                           ? pages.free * pages.page_kib
                           : 0;
            }
            if (page_kib == 0 && nodes.contains(node.id)) {
                sum += node.memory_kib == 0 ? 0 : node.free_memory_kib.value_or(node.memory_kib);
            }
        }
        // With one node that has memory, there is no choice of nodes: overcommitting it is the
        // operator's business, and so are hugepages that are not there now.
        const auto one_node = with_memory == 1 || request_.topology->nodes.size() == 1;
        known = !one_node && (known || (page_kib == 0 && with_memory > 1));
        return known ? std::optional{sum} : std::nullopt;
    }

    // Memory that a newcomer finds on its nodes.
    struct Promise {
        std::uint64_t page_kib = 0;
        NodeSet nodes;
        std::uint64_t kib = 0;
        bool dormant = false; // made to itself only: others may be off when it starts
        std::size_t to = 0;   // whom, by position
    };

    // Precondition: intent_ and domain_ are those of one domain.
    [[nodiscard]] std::optional<Promise> promise() const
    {
        const auto placed =
            domain_->placement == Placement::dedicated ||
            (domain_->placement == Placement::shared && (domain_->satisfied || domain_->numatune));
        if (!placed || !has_all_pins() || has_memory() || needed_memory() == 0 || domain_->awaits) {
            return std::nullopt;
        }
        CpuSet cpus;
        for (const auto vcpu : intent_->vcpus_online) {
            cpus |= domain_->vcpus.at(vcpu);
        }
        return Promise{.page_kib = intent_->hugepage_kib.value_or(0),
                       .nodes = domain_->placement == Placement::shared && domain_->numatune
                                    ? domain_->numatune->nodes
                                    : request_.topology->nodes_of(cpus),
                       .kib = needed_memory(),
                       .dormant = intent_->activity == Activity::dormant};
    }

    // No nodes are promised to all newcomers together beyond what they have, nor to one that is
    // shut off and these.
    void check_promises()
    {
        std::vector<Promise> promises;
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            look_at(i);
            if (auto made = promise(); made && !has_rivals(i)) {
                made->to = i;
                promises.push_back(std::move(*made));
            }
        }
        for (const auto& at : promises) {
            std::uint64_t promised = 0;
            auto last = at.to; // without that one, the others may have what they were promised
            for (const auto& other : promises) {
                const auto within = (&other == &at || !other.dormant) &&
                                    other.page_kib == at.page_kib && at.nodes.includes(other.nodes);
                promised += within ? other.kib : 0;
                last = within ? std::max(last, other.to) : last;
            }
            look_at(last);
            const auto room = memory_of(at.nodes, at.page_kib);
            expect(!room || *room >= promised,
                   "nodes " + at.nodes.str() + " are promised more memory than they have");
        }
    }

    // Claims of planned domains exclude each other; dormant ones only stay off the active ones.
    void check_claims()
    {
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            if (request_.intents[i].activity != Activity::dormant) {
                claimed_twice_ |= claimed_ & plan_.domains[i].claim;
                claimed_ |= plan_.domains[i].claim;
            }
        }
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            look_at(i);
            if (intent_->activity == Activity::dormant) {
                continue;
            }
            // Whoever pins by hand may overlap by hand.
            expect(domain_->placement != Placement::dedicated ||
                       !domain_->claim.intersects(claimed_beside(i)),
                   "its claim " + domain_->claim.str() + " overlaps another");
            expect(!domain_->claim.intersects(plan_.pool), "its claim is in the pool");
        }
        for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
            look_at(i);
            const auto dormant = intent_->activity == Activity::dormant &&
                                 domain_->placement == Placement::dedicated;
            expect(!dormant || domain_->awaits || !domain_->claim.intersects(claimed_beside(i)),
                   "it is shut off and in the way of a running domain");
        }
    }

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
                !never_together(request_.intents[at], request_.intents[i])) {
                claimed |= plan_.domains[i].claim;
            }
        }
        return claimed;
    }

    const PlanRequest& request_;
    const Plan& plan_;
    const Intent* intent_ = nullptr;
    const DomainPlan* domain_ = nullptr; // whom problems are about
    CpuSet claimed_;                     // by active domains
    CpuSet claimed_twice_;               // by several of them
    std::vector<BrokenRule> problems_;
};

} // namespace

std::vector<BrokenRule> find_broken_rules(const PlanRequest& request, const Plan& plan)
{
    return Checker{request, plan}.run();
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
