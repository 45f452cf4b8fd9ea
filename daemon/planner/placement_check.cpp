// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placement_check.hpp"

#include "memory_check.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

namespace {

class PlacementCheck {
public:
    explicit PlacementCheck(CheckContext& check)
        : check_{check}
        , request_{check.request()}
        , plan_{check.plan()}
        , intent_{check.intent()}
        , domain_{check.domain()}
    {}

    void dedicated()
    {
        CpuSet own;
        for (const auto vcpu : intent_.vcpus_online) {
            const auto& pin = domain_.vcpus.at(vcpu);
            check_.expect(pin.size() == 1 && !own.intersects(pin),
                          "vCPU " + std::to_string(raw(vcpu)) + " has no CPU of its own");
            own |= pin;
        }
        for (const auto& [vcpu, pin] : domain_.vcpus) {
            check_.expect(intent_.vcpus_online.contains(vcpu) || domain_.floating.contains(vcpu) ||
                              own.includes(pin) || begins_with_emulator(vcpu),
                          "an offline vCPU would be born on a CPU of others");
        }
        check_floating(own);
        check_cells();
        check_.expect(domain_.claim.includes(own), "its CPUs are not all claimed");
        check_.expect(!domain_.claim.intersects(check_.housekeeping()),
                      "it claims housekeeping CPUs");
        check_.expect(intent_.policy.cpus.empty() || intent_.policy.cpus.includes(own),
                      "it has CPUs that the option cpus rules out");
        check_.expect(may_be_by_devices(own), "it has CPUs that the option device rules out");
        check_cores(own);
        check_nodes(own);
        check_threads_keep_off();
    }

    void shared()
    {
        const auto& policy = intent_.policy;
        const auto& first = domain_.vcpus.begin()->second;
        check_.expect(domain_.claim.empty(), "it floats and claims CPUs");
        for (const auto& [vcpu, pin] : domain_.vcpus) {
            check_.expect(pin == first, "its vCPUs do not float on the same CPUs");
        }
        const auto home = locked_home();
        const auto where = check_.floatable(home.empty() ? plan_.usable : home);
        // Planned for when CPUs are free, or beside those that may run together with it.
        const auto later = domain_.awaits && check_.pool_of_all().includes(first);
        const auto pool = later ? check_.pool_of_all() : check_.own_pool();
        const auto kept = plan_.housekeeping - request_.topology->quiet_cpus();
        check_.expect(pool.includes(first) || !pool.intersects(where), "it floats beyond the pool");
        check_.expect((pool | kept).includes(first) || !kept.intersects(where),
                      "it floats on claimed CPUs beside housekeeping");
        check_.expect(where.includes(first), "it floats on isolated CPUs though there are others");
        check_locked(first);
        if (!domain_.satisfied) {
            return;
        }
        const auto nodes = request_.topology->nodes_of(first);
        check_.expect(pool.includes(first), "it floats beyond the pool and counts as satisfied");
        check_.expect(policy.cpus.empty() || policy.cpus.includes(first),
                      "it floats on CPUs that the option cpus rules out and counts as satisfied");
        check_.expect(may_be_by_devices(first),
                      "it floats on CPUs that the option device rules out and counts as satisfied");
        check_.expect(policy.numa != NumaChoice::single || nodes.size() == 1,
                      "numa=single but it floats over nodes " + nodes.str());
        check_memory(check_, nodes);
    }

    void own_cores()
    {
        auto claimed = domain_.claim;
        for (const auto vcpu : intent_.vcpus_online) {
            claimed -= domain_.vcpus.at(vcpu);
        }
        const auto have_own = [&](const ThreadChoice& choice, ReasonCode code) {
            return (choice.mode == ThreadChoice::Mode::own &&
                    domain_.placement == Placement::dedicated) ||
                   tells(code);
        };
        check_.expect(!have_own(intent_.policy.emulator, ReasonCode::emulator_own) ||
                          claimed.includes(domain_.emulator),
                      "the emulator has a core of its own that is not claimed for it");
        const auto own_iothreads = have_own(intent_.policy.iothreads, ReasonCode::iothreads_own);
        for (const auto& [iothread, cpus] : domain_.iothreads) {
            check_.expect(!own_iothreads || claimed.includes(cpus),
                          "I/O thread " + std::to_string(raw(iothread)) +
                              " has a core of its own that is not claimed for it");
        }
    }

private:
    // Whether all of `cpus` are where the option device wants them: on nodes of devices that are
    // nearer to some than to others, or in the packages of such nodes.
    [[nodiscard]] bool may_be_by_devices(const CpuSet& cpus) const
    {
        const auto& topology = *request_.topology;
        const auto everywhere = topology.nodes_of(topology.online_cpus());
        NodeSet local;
        for (const auto& device : intent_.devices) {
            local |= check_.near(device.nodes).includes(everywhere) ? NodeSet{} : device.nodes;
        }
        local = check_.near(local);
        auto allowed = topology.cpus_of(local);
        for (const auto& package : topology.packages) {
            const auto whole = intent_.policy.device == DeviceChoice::package &&
                               package.cpus.intersects(topology.cpus_of(local));
            allowed |= whole ? package.cpus : CpuSet{};
        }
        return intent_.policy.device == DeviceChoice::prefer || local.empty() ||
               allowed.includes(cpus);
    }

    // Those that float do so together on the pool, else on housekeeping, else on its own CPUs.
    void check_floating(const CpuSet& own)
    {
        check_.expect(domain_.floating.includes(intent_.floating) &&
                          !domain_.floating.intersects(intent_.vcpus_online),
                      "other vCPUs float than the option dedicated-vcpus says");
        if (domain_.floating.empty()) {
            return;
        }
        const auto& first = domain_.vcpus.at(domain_.floating.front());
        for (const auto vcpu : domain_.floating) {
            check_.expect(domain_.vcpus.at(vcpu) == first,
                          "its floating vCPUs are not on the same CPUs");
        }
        const auto where = check_.floatable(plan_.usable);
        const auto kept = check_.housekeeping() - request_.topology->quiet_cpus();
        const auto fits = [&](const CpuSet& pool) {
            const auto on_kept = !pool.intersects(where) && kept.includes(first);
            const auto on_own =
                !pool.intersects(where) && !kept.intersects(where) && own.includes(first);
            return pool.includes(first) || on_kept || on_own;
        };
        // It waits for a device, or for CPUs that are free then.
        const auto now = check_.own_pool() - domain_.claim;
        const auto later = domain_.awaits ? check_.pool_of_all() - domain_.claim : now;
        const auto on_pool = now.includes(first) || later.includes(first);
        check_.expect(fits(now) || fits(later), "its floating vCPUs are beyond the pool");
        const auto is_asked = domain_.satisfied && !intent_.floating.empty();
        check_.expect(!is_asked || on_pool,
                      "its vCPUs float beyond the pool and it counts as satisfied");
        check_.expect(!is_asked || intent_.policy.cpus.empty() ||
                          intent_.policy.cpus.includes(first),
                      "its vCPUs float on CPUs that the option cpus rules out");
    }

    // One that is offline, of a guest that has its CPUs to itself.
    [[nodiscard]] bool begins_with_emulator(VcpuId vcpu) const
    {
        return intent_.policy.isolate != IsolateChoice::no &&
               !intent_.vcpus_online.contains(vcpu) && domain_.vcpus.at(vcpu) == domain_.emulator;
    }

    // Offline vCPUs wait where the others of their cell are. libvirt puts those that no cell names
    // into the first.
    void check_cells()
    {
        VcpuSet unnamed;
        for (const auto& [vcpu, pin] : domain_.vcpus) {
            unnamed.insert(vcpu);
        }
        std::vector<VcpuSet> cells;
        for (const auto& cell : intent_.cells) {
            cells.push_back(cell.vcpus & unnamed);
            unnamed -= cell.vcpus;
        }
        if (!cells.empty()) {
            cells.front() |= unnamed;
        }
        for (const auto& cell : cells) {
            CpuSet own;
            for (const auto vcpu : cell& intent_.vcpus_online) {
                own |= domain_.vcpus.at(vcpu);
            }
            for (const auto vcpu : cell - domain_.floating) {
                check_.expect(own.empty() || own.includes(domain_.vcpus.at(vcpu)) ||
                                  begins_with_emulator(vcpu),
                              "offline vCPU " + std::to_string(raw(vcpu)) +
                                  " waits beside its cell");
            }
        }
    }

    // What is dedicated to its vCPUs is not given to its own threads without need.
    void check_threads_keep_off()
    {
        const auto elsewhere =
            check_.floatable(check_.housekeeping()) | (check_.own_pool() - domain_.claim);
        const auto expect_off = [&](const ThreadChoice& choice, const CpuSet& cpus) {
            check_.expect(choice.mode != ThreadChoice::Mode::automatic || elsewhere.empty() ||
                              !domain_.claim.intersects(cpus),
                          "its own threads are on its claim, though there are other CPUs for them");
        };
        expect_off(intent_.policy.emulator, domain_.emulator);
        for (const auto& [iothread, cpus] : domain_.iothreads) {
            expect_off(intent_.policy.iothreads, cpus);
        }
    }

    void check_cores(const CpuSet& own)
    {
        const auto& topology = *request_.topology;
        const auto smt = intent_.policy.smt;
        const auto online = topology.online_cpus();
        std::set<KindIndex> kinds;
        auto crossed = false;
        for (const auto& core : topology.cores) {
            const auto used = core.cpus.common(own);
            if (used == 0) {
                continue;
            }
            kinds.insert(core.kind);
            if (smt == SmtChoice::require || smt == SmtChoice::isolate) {
                check_.expect(domain_.claim.includes(core.cpus & online),
                              "it does not own core " + core.cpus.str() + " whole");
            }
            const auto told = smt == SmtChoice::spread && tells(ReasonCode::few_cores);
            if (smt == SmtChoice::isolate || (smt == SmtChoice::spread && !told) ||
                tells(ReasonCode::own_cores)) {
                check_.expect(used == 1, "two vCPUs are on core " + core.cpus.str());
            }
            const auto core_class = at_id(topology.kinds, core.kind).core_class;
            crossed = crossed || is_of_another_kind(core_class);
            check_.expect(core_class != CoreClass::low_power ||
                              intent_.policy.cores == CoreChoice::any,
                          "it has low-power cores without cores=any");
        }
        check_.expect(kinds.size() <= 1 || intent_.policy.cores == CoreChoice::any,
                      "it has several kinds of core without cores=any");
        check_.expect(!crossed || !domain_.satisfied,
                      "it has not the kind of core that it asks for and counts as satisfied");
        check_.expect(!crossed || intent_.policy.fallback != Fallback::fail,
                      "fallback=fail but it has not the kind of core that it asks for");
    }

    [[nodiscard]] bool tells(ReasonCode code) const
    {
        return std::any_of(domain_.reasons.begin(), domain_.reasons.end(),
                           [code](const Reason& reason) { return reason.code == code; });
    }

    [[nodiscard]] bool is_of_another_kind(CoreClass core_class) const
    {
        const auto cores = intent_.policy.cores;
        return (cores == CoreChoice::performance && core_class == CoreClass::efficiency) ||
               (cores == CoreChoice::efficiency && core_class == CoreClass::performance);
    }

    void check_nodes(const CpuSet& own)
    {
        const auto nodes = request_.topology->nodes_of(own);
        check_.expect(intent_.policy.numa != NumaChoice::single || nodes.size() == 1,
                      "numa=single but it spans nodes " + nodes.str());
        check_locked(own);
        check_memory(check_, nodes);
    }

    // The nodes of its locked memory, and those whose memory is there: as far as nobody tells,
    // those that it is pinned to.
    [[nodiscard]] NodeSet locked_nodes() const
    {
        const auto& topology = *request_.topology;
        if (!intent_.memory_locked || intent_.activity == Activity::dormant) {
            return {};
        }
        const auto here = intent_.memory_nodes & topology.all_nodes();
        const auto told = !here.empty() || intent_.activity != Activity::running;
        return check_.with_borrowers(told ? here
                                          : topology.nodes_of(intent_.current.narrow_cpus(
                                                topology.online_cpus(), intent_.vcpus_online)));
    }

    // The usable CPUs there; empty: nothing holds it.
    [[nodiscard]] CpuSet locked_home() const
    {
        return plan_.usable & request_.topology->cpus_of(locked_nodes());
    }

    void check_locked(const CpuSet& own)
    {
        const auto home = locked_home();
        check_.expect(home.empty() || home.includes(own), "its locked memory is on nodes " +
                                                              locked_nodes().str() +
                                                              ", its vCPUs on CPUs " + own.str());
    }

    CheckContext& check_;
    const PlanRequest& request_;
    const Plan& plan_;
    const Intent& intent_;
    const DomainPlan& domain_;
};

} // namespace

void check_dedicated(CheckContext& check)
{
    PlacementCheck{check}.dedicated();
}

void check_shared(CheckContext& check)
{
    PlacementCheck{check}.shared();
}

void check_own_cores(CheckContext& check)
{
    PlacementCheck{check}.own_cores();
}

} // namespace virtpind
