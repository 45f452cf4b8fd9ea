// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placement_run.hpp"

#include "daemon/planner/planner.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace virtpind::bench {

namespace {

constexpr std::size_t tidy_vcpus = 64; // of the daemon in a minute: one event in each

struct Guest {
    std::size_t number = 0;
    std::size_t vcpus = 0;
    std::size_t threads = 1; // of each of its cores
    CoreChoice cores = CoreChoice::performance;
    Cpus cpus;
    std::optional<CpuSet> emulator;
};

using Guests = std::vector<Guest>; // in the order of their arrival

// One that arrives, or the one of this number leaves.
struct Event {
    std::size_t number = 0;
    std::size_t arrives = 0; // vCPUs; 0: it leaves
};

// Sizes up to half of the host, which is between half full and full.
std::vector<Event> make_events(std::size_t capacity, const Run& run)
{
    std::mt19937_64 random{run.seed};
    const auto below = [&random](std::size_t limit) { return std::size_t{random() % limit}; };
    std::vector<std::size_t> sizes{1, 2, 2, 2, 4, 4, 4, 6, 8, 8, 12, 16};
    std::erase_if(sizes, [=](auto size) { return size > std::max<std::size_t>(1, capacity / 2); });
    std::vector<Event> events;
    std::vector<Event> alive;
    std::size_t used = 0;
    for (std::size_t i = 0; i < run.events; ++i) {
        const auto size = sizes[below(sizes.size())];
        const auto fits = used + size <= capacity;
        if (fits && (alive.empty() || used * 100 < capacity * 55 || below(10) < 6)) {
            used += size;
            events.push_back({.number = i, .arrives = size});
            alive.push_back(events.back());
        } else if (!alive.empty()) {
            const auto at = alive.begin() + static_cast<std::ptrdiff_t>(below(alive.size()));
            used -= at->arrives;
            events.push_back({.number = at->number});
            alive.erase(at);
        }
    }
    return events;
}

class Scene {
public:
    Scene(const Topology& host, Placer placer)
        : host_{host}, placer_{placer}, place_{host, usable_for_guests(host)}
    {
        for (const auto& core : host.cores) {
            threads_ = std::max(threads_, core.cpus.size());
        }
        housekeeping_ = host.usable_cpus() - place_.usable;
    }

    void happen(const Event& event)
    {
        ++figures_.events;
        if (event.arrives > 0) {
            arrive(event);
        } else {
            std::erase_if(guests_,
                          [&event](const Guest& guest) { return guest.number == event.number; });
            if (is_virtpind()) {
                (void)replan(nullptr);
            }
        }
        for (const auto& guest : guests_) {
            sample(guest);
        }
    }

    [[nodiscard]] const Figures& figures() const { return figures_; }

private:
    [[nodiscard]] bool is_virtpind() const
    {
        return placer_ == Placer::virtpind || placer_ == Placer::virtpind_still ||
               placer_ == Placer::virtpind_far;
    }

    void arrive(const Event& event)
    {
        Guest guest{.number = event.number, .vcpus = event.arrives, .cpus = {}, .emulator = {}};
        guest.threads = event.arrives % threads_ == 0 ? threads_ : 1;
        if (is_virtpind() ? replan(&guest) : place(guest)) {
            guests_.push_back(std::move(guest));
        } else {
            ++figures_.refused;
        }
    }

    bool place(Guest& guest) const
    {
        auto free = place_.usable;
        for (const auto& other : guests_) {
            for (const auto cpu : other.cpus) {
                free.erase(cpu);
            }
        }
        const auto caches =
            placer_ == Placer::kubelet_aligned ? UncoreCaches::aligned : UncoreCaches::ignored;
        auto cpus = placer_ == Placer::lowest ? place_lowest(place_, free, guest.vcpus)
                    : placer_ == Placer::nova ? place_nova(place_, free, guest.vcpus)
                                              : place_kubelet(place_, free, guest.vcpus, caches);
        guest.cpus = cpus.value_or(Cpus{});
        return cpus.has_value();
    }

    [[nodiscard]] Intent intent_of(const Guest& guest) const
    {
        Intent intent;
        intent.name = "guest " + std::to_string(guest.number);
        intent.uuid = DomainUuid{intent.name};
        intent.policy.name = "dedicated";
        intent.policy.placement = Placement::dedicated;
        intent.policy.fallback = Fallback::fail;
        intent.policy.memory = MemoryChoice::keep;
        intent.policy.cores = guest.cores;
        if (placer_ == Placer::virtpind_still) {
            intent.policy.move = MoveLimit::never;
        } else if (placer_ == Placer::virtpind_far) {
            intent.policy.move = MoveLimit::node;
        }
        intent.vcpus_max = static_cast<std::uint32_t>(guest.vcpus);
        intent.vcpus_online = VcpuSet::range(0, intent.vcpus_max - 1);
        if (guest.threads > 1) {
            const auto threads = static_cast<std::uint32_t>(guest.threads);
            intent.topology =
                GuestTopology{.cores = intent.vcpus_max / threads, .threads = threads};
        }
        for (std::size_t vcpu = 0; vcpu < guest.cpus.size(); ++vcpu) {
            intent.activity = Activity::running;
            intent.has_memory = true;
            intent.current.vcpus[VcpuId{static_cast<std::uint32_t>(vcpu)}] = {guest.cpus[vcpu]};
        }
        intent.current.emulator = guest.emulator;
        return intent;
    }

    // With one more, if there is one; false where it finds no place.
    bool replan(Guest* newcomer)
    {
        for (const auto cores :
             {CoreChoice::performance, CoreChoice::efficiency, CoreChoice::any}) {
            PlanRequest request{
                .topology = &host_, .housekeeping = housekeeping_, .intents = {}, .tidy_vcpus = 64};
            for (const auto& guest : guests_) {
                request.intents.push_back(intent_of(guest));
            }
            if (newcomer != nullptr) {
                newcomer->cores = cores;
                request.intents.push_back(intent_of(*newcomer));
            }
            const auto plan = make_plan(request);
            if (newcomer == nullptr || plan.domains.back().placement == Placement::dedicated) {
                apply(plan, newcomer);
                return true;
            }
        }
        return false;
    }

    void apply(const Plan& plan, Guest* newcomer)
    {
        for (std::size_t i = 0; i < plan.domains.size(); ++i) {
            auto& guest = i < guests_.size() ? guests_[i] : *newcomer;
            const auto& domain = plan.domains[i];
            if (domain.placement != Placement::dedicated) {
                continue; // it stays as it is
            }
            Cpus cpus;
            for (const auto& [vcpu, pin] : domain.vcpus) {
                cpus.push_back(pin.front());
            }
            for (std::size_t vcpu = 0; vcpu < guest.cpus.size(); ++vcpu) {
                figures_.moved += guest.cpus[vcpu] == cpus[vcpu] ? 0U : 1U;
            }
            guest.cpus = std::move(cpus);
            guest.emulator = domain.emulator;
        }
    }

    // The fewest groups that hold so many CPUs of the empty host.
    static std::size_t least(const std::vector<CpuSet>& groups, std::size_t vcpus)
    {
        std::vector<std::size_t> sizes;
        for (const auto& cpus : groups) {
            sizes.push_back(cpus.size());
        }
        std::sort(sizes.rbegin(), sizes.rend());
        std::size_t count = 0;
        for (std::size_t held = 0; held < vcpus && count < sizes.size(); ++count) {
            held += sizes[count];
        }
        return count;
    }

    static double excess(const std::vector<CpuSet>& groups, const CpuSet& cpus, std::size_t vcpus)
    {
        const auto used = static_cast<std::size_t>(
            std::count_if(groups.begin(), groups.end(),
                          [&cpus](const CpuSet& group) { return group.intersects(cpus); }));
        return static_cast<double>(used) - static_cast<double>(least(groups, vcpus));
    }

    void sample(const Guest& guest)
    {
        CpuSet cpus;
        for (const auto cpu : guest.cpus) {
            cpus.insert(cpu);
        }
        CpuSet others;
        for (const auto& other : guests_) {
            for (const auto cpu : other.cpus) {
                others.insert(cpu);
            }
        }
        others -= cpus;
        Figures one{.samples = 1};
        one.nodes = excess(place_.nodes, cpus, guest.vcpus);
        one.packages = excess(place_.packages, cpus, guest.vcpus);
        one.l3s = excess(place_.l3s, cpus, guest.vcpus);
        for (const auto& core : host_.cores) {
            const auto mine = core.cpus.intersects(cpus);
            one.split += mine && !cpus.includes(core.cpus) ? 1 : 0;
            one.shared += mine && core.cpus.intersects(others) ? 1 : 0;
        }
        for (const auto& l3 : host_.l3s) {
            one.neighbours += l3.cpus.intersects(cpus) && l3.cpus.intersects(others) ? 1 : 0;
        }
        one.threaded = guest.threads > 1 ? 1 : 0;
        one.wrong = wrong_siblings(guest);
        std::set<KindIndex> kinds;
        for (const auto cpu : cpus) {
            kinds.insert(host_.cpu(cpu).kind);
        }
        one.mixed = kinds.size() > 1 ? 1 : 0;
        one.flawed =
            one.nodes > 0 || one.l3s > 0 || one.shared > 0 || one.wrong > 0 || one.mixed > 0 ? 1
                                                                                             : 0;
        figures_ += one;
    }

    // The part of its cores whose threads are not siblings, though the host's cores have some.
    [[nodiscard]] double wrong_siblings(const Guest& guest) const
    {
        if (guest.threads < 2) {
            return 0;
        }
        std::size_t wrong = 0;
        for (std::size_t first = 0; first < guest.vcpus; first += guest.threads) {
            std::set<CoreIndex> cores;
            std::size_t siblings = 1;
            for (auto vcpu = first; vcpu < first + guest.threads; ++vcpu) {
                const auto core = host_.cpu(guest.cpus[vcpu]).core;
                cores.insert(core);
                siblings = std::max(siblings, host_.cores[raw(core)].cpus.size());
            }
            wrong += cores.size() > 1 && siblings > 1 ? 1U : 0U;
        }
        return static_cast<double>(wrong) / static_cast<double>(guest.vcpus / guest.threads);
    }

    const Topology& host_;
    Placer placer_;
    PlacerHost place_;
    CpuSet housekeeping_;
    std::size_t threads_ = 1;
    Guests guests_;
    Figures figures_;
};

} // namespace

Figures& Figures::operator+=(const Figures& other)
{
    samples += other.samples;
    events += other.events;
    refused += other.refused;
    moved += other.moved;
    nodes += other.nodes;
    packages += other.packages;
    l3s += other.l3s;
    split += other.split;
    shared += other.shared;
    neighbours += other.neighbours;
    threaded += other.threaded;
    wrong += other.wrong;
    mixed += other.mixed;
    flawed += other.flawed;
    return *this;
}

CpuSet usable_for_guests(const Topology& host)
{
    return host.usable_cpus() - make_plan({.topology = &host, .intents = {}}).housekeeping;
}

Figures measure(const Topology& host, Placer placer, const Run& run)
{
    Scene scene{host, placer};
    for (const auto& event : make_events(usable_for_guests(host).size(), run)) {
        scene.happen(event);
    }
    return scene.figures();
}

} // namespace virtpind::bench
