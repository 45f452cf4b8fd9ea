// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placers.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

namespace virtpind::bench {

namespace {

using Order = std::vector<std::size_t>; // positions in a list of groups

template <class Group>
std::vector<CpuSet> usable_of(const std::vector<Group>& groups, const CpuSet& usable)
{
    std::vector<CpuSet> sets;
    for (const auto& group : groups) {
        sets.push_back(group.cpus & usable);
    }
    return sets;
}

// Those with free CPUs.
Order with_free(const std::vector<CpuSet>& groups, const CpuSet& free)
{
    Order order;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].intersects(free)) {
            order.push_back(i);
        }
    }
    return order;
}

// Nova's packing within one cell.
std::optional<Cpus> pack_onto_cores(const PlacerHost& host, const CpuSet& free, std::size_t vcpus)
{
    std::map<std::size_t, std::vector<CpuSet>, std::greater<>> by_threads;
    for (const auto& core : host.cores) {
        const auto siblings = core & free;
        for (std::size_t threads = 1; threads <= siblings.size(); ++threads) {
            by_threads[threads].push_back(siblings);
        }
    }
    for (const auto& [threads, cores] : by_threads) {
        if (threads * cores.size() < vcpus) {
            continue;
        }
        Cpus cpus;
        for (const auto& core : cores) {
            std::size_t taken = 0;
            for (const auto cpu : core) {
                if (taken++ < threads && cpus.size() < vcpus) {
                    cpus.push_back(cpu);
                }
            }
        }
        return cpus;
    }
    if (free.size() < vcpus) {
        return std::nullopt;
    }
    Cpus cpus; // siblings that are left of many cores
    for (const auto& core : host.cores) {
        for (const auto cpu : core& free) {
            if (cpus.size() < vcpus) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus;
}

// The first cells, in this order, that hold a part each.
std::optional<Cpus> onto_cells(const PlacerHost& host, const CpuSet& free, const Order& cells,
                               std::size_t parts, std::size_t vcpus)
{
    Cpus all;
    std::size_t found = 0;
    for (const auto cell : cells) {
        if (auto cpus = pack_onto_cores(host, host.nodes[cell] & free, vcpus / parts)) {
            all.insert(all.end(), cpus->begin(), cpus->end());
            if (++found == parts) {
                return all;
            }
        }
    }
    return std::nullopt;
}

// The accumulator of kubelet's cpu_assignment.go.
class Accumulator {
public:
    Accumulator(const PlacerHost& host, CpuSet free, std::size_t vcpus)
        : host_{host}
        , free_{std::move(free)}
        , needed_{vcpus}
        , nodes_first_{host.packages.size() >= host.nodes.size()}
        , first_{nodes_first_ ? host.nodes : host.packages}
        , second_{nodes_first_ ? host.packages : host.nodes}
    {}

    Cpus take(UncoreCaches caches)
    {
        take_whole(first_, first_level());
        take_whole(second_, second_level());
        if (caches == UncoreCaches::aligned) {
            take_caches();
        }
        take_whole(host_.cores, sorted_cores(free_));
        for (const auto core : sorted_cores(free_)) {
            for (const auto cpu : host_.cores[core] & free_) {
                if (needed_ > 0) {
                    take_all({cpu});
                }
            }
        }
        return {taken_.begin(), taken_.end()};
    }

private:
    void take_all(const CpuSet& cpus)
    {
        taken_ |= cpus;
        free_ -= cpus;
        needed_ -= cpus.size();
    }

    // Whole groups while that many are needed.
    void take_whole(const std::vector<CpuSet>& groups, const Order& order)
    {
        for (const auto at : order) {
            const auto& cpus = groups[at];
            if (free_.includes(cpus) && cpus.size() <= needed_ && !cpus.empty()) {
                take_all(cpus);
            }
        }
    }

    // Those with the fewest free CPUs first.
    [[nodiscard]] Order by_free(const std::vector<CpuSet>& groups, Order order) const
    {
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
            return groups[a].common(free_) < groups[b].common(free_);
        });
        return order;
    }

    [[nodiscard]] Order first_level() const { return by_free(first_, with_free(first_, free_)); }

    [[nodiscard]] Order second_level() const
    {
        return within(first_level(), first_, second_, free_);
    }

    // The groups `inner` that have some of `cpus`, in the order of the groups they are in.
    [[nodiscard]] Order within(const Order& order, const std::vector<CpuSet>& outer,
                               const std::vector<CpuSet>& inner, const CpuSet& cpus) const
    {
        Order all;
        for (const auto at : order) {
            for (const auto one : by_free(inner, with_free(inner, outer[at] & cpus))) {
                if (std::find(all.begin(), all.end(), one) == all.end()) {
                    all.push_back(one);
                }
            }
        }
        return all;
    }

    [[nodiscard]] Order sorted_cores(const CpuSet& cpus) const
    {
        return within(second_level(), second_, host_.cores, cpus);
    }

    void take_caches()
    {
        for (const auto l3 : with_free(host_.l3s, free_)) {
            take_whole(host_.l3s, {l3});
        }
        for (const auto l3 : with_free(host_.l3s, free_)) {
            if (needed_ > 0) {
                take_part(host_.l3s[l3] & free_);
            }
        }
    }

    // All that is still needed, or nothing.
    void take_part(const CpuSet& cpus)
    {
        if (cpus.size() < needed_) {
            return;
        }
        CpuSet part;
        const auto order = sorted_cores(cpus);
        for (const auto core : order) {
            const auto& siblings = host_.cores[core];
            if (cpus.includes(siblings) && part.size() + siblings.size() <= needed_) {
                part |= siblings;
            }
        }
        for (const auto core : order) {
            for (const auto cpu : host_.cores[core] & cpus) {
                if (part.size() < needed_) {
                    part.insert(cpu);
                }
            }
        }
        if (part.size() == needed_) {
            take_all(part);
        }
    }

    const PlacerHost& host_;
    CpuSet free_;
    std::size_t needed_;
    CpuSet taken_;
    bool nodes_first_;
    const std::vector<CpuSet>& first_;
    const std::vector<CpuSet>& second_;
};

} // namespace

PlacerHost::PlacerHost(const Topology& host, const CpuSet& usable_cpus)
    : topology{&host}
    , usable{usable_cpus}
    , cores{usable_of(host.cores, usable)}
    , l3s{usable_of(host.l3s, usable)}
    , nodes{usable_of(host.nodes, usable)}
    , packages{usable_of(host.packages, usable)}
{}

std::optional<Cpus> place_lowest(const PlacerHost& /*host*/, const CpuSet& free, std::size_t vcpus)
{
    Cpus cpus{free.begin(), free.end()};
    if (cpus.size() < vcpus) {
        return std::nullopt;
    }
    cpus.resize(vcpus);
    return cpus;
}

std::optional<Cpus> place_nova(const PlacerHost& host, const CpuSet& free, std::size_t vcpus)
{
    auto cells = with_free(host.nodes, free);
    std::stable_sort(cells.begin(), cells.end(), [&](auto a, auto b) {
        return (host.nodes[a] - free).size() < (host.nodes[b] - free).size();
    });
    for (const std::size_t parts : {1U, 2U, 4U, 8U}) {
        if (vcpus % parts == 0) {
            if (auto cpus = onto_cells(host, free, cells, parts, vcpus)) {
                return cpus;
            }
        }
    }
    return std::nullopt;
}

std::optional<Cpus> place_kubelet(const PlacerHost& host, const CpuSet& free, std::size_t vcpus,
                                  UncoreCaches caches)
{
    if (free.size() < vcpus) {
        return std::nullopt;
    }
    return Accumulator{host, free, vcpus}.take(caches);
}

} // namespace virtpind::bench
