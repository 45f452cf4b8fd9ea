// SPDX-License-Identifier: LGPL-2.1-or-later
#include "node_subsets.hpp"

#include <algorithm>
#include <limits>

namespace virtpind {

namespace {

constexpr std::size_t steps_max = 20'000; // counted work of one search
constexpr std::size_t ties_max = 64;      // each costs one packing

bool same_distances(const HostIndex& host, NodeIndex a, NodeIndex b)
{
    for (std::size_t other = 0; other < host.topology->nodes.size(); ++other) {
        const NodeIndex node{static_cast<std::uint32_t>(other)};
        if (node != a && node != b && host.distance(a, node) != host.distance(b, node)) {
            return false;
        }
    }
    return true;
}

} // namespace

std::uint32_t distance_between(const HostIndex& host, const std::vector<NodeIndex>& nodes)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        for (std::size_t j = i + 1; j < nodes.size(); ++j) {
            sum += host.distance(nodes[i], nodes[j]);
        }
    }
    return sum;
}

bool memory_suffices(const HostIndex& host, const NodeDemand& demand,
                     const std::vector<NodeIndex>& nodes)
{
    IdSet<NodeIndex> homes;
    for (const auto node : nodes) {
        homes.insert(at_id(host.memory_home, node));
    }
    std::uint64_t sum = 0;
    for (const auto node : homes) {
        const auto& available = at_id(demand.available_kib, node);
        if (!available) {
            return true;
        }
        sum += *available;
    }
    return sum >= demand.memory_kib;
}

std::vector<std::optional<NodeIndex>> stand_ins(const HostIndex& host, const Packer& packer,
                                                const NodeDemand& demand)
{
    const auto count = static_cast<std::uint32_t>(host.topology->nodes.size());
    // Both have their own and nobody else's, or both have that of one other node.
    std::vector<bool> lends(count, false);
    for (std::uint32_t node = 0; node < count; ++node) {
        const auto home = host.memory_home[node];
        at_id(lends, home) = at_id(lends, home) || home != NodeIndex{node};
    }
    const auto same_memory = [&](NodeIndex a, NodeIndex b) {
        const auto home = at_id(host.memory_home, a);
        const auto own = home == a && at_id(host.memory_home, b) == b;
        return own ? !at_id(lends, a) && !at_id(lends, b) : home == at_id(host.memory_home, b);
    };
    std::vector<std::optional<NodeIndex>> lower(count);
    for (std::uint32_t node = 0; node < count; ++node) {
        for (auto other = node; other-- > 0;) {
            if (demand.available_kib[node] == demand.available_kib[other] &&
                same_memory(NodeIndex{node}, NodeIndex{other}) &&
                same_distances(host, NodeIndex{node}, NodeIndex{other}) &&
                packer.alike(NodeIndex{node}, NodeIndex{other})) {
                lower[node] = NodeIndex{other};
                break;
            }
        }
    }
    return lower;
}

struct NodeSubsets::Search {
    std::size_t count = 0;
    std::size_t least = 1;
    std::size_t most = 0;
    std::vector<std::optional<NodeIndex>> lower_twin;
    std::size_t largest = 0; // capacity of the largest node, at most `most`
    std::vector<NodeIndex> chosen;
    std::vector<bool> is_chosen; // by NodeIndex
    std::size_t capacity = 0;    // of the chosen
    std::uint32_t distance = 0;  // between the chosen
    std::size_t steps = 0;
    Found found{.subsets = {}, .distance = std::numeric_limits<std::uint32_t>::max()};
};

NodeSubsets::NodeSubsets(const HostIndex& host, const Packer& packer, const NodeDemand& demand)
    : host_{host}, packer_{packer}, demand_{demand}
{
    for (std::size_t node = 0; node < packer.node_capacity().size(); ++node) {
        if (packer.node_capacity()[node] > 0) {
            able_.push_back(NodeIndex{static_cast<std::uint32_t>(node)});
        }
    }
}

std::uint32_t NodeSubsets::least_distance(std::size_t count) const
{
    auto nearest = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t i = 0; i < able_.size(); ++i) {
        for (std::size_t j = i + 1; j < able_.size(); ++j) {
            nearest = std::min(nearest, host_.distance(able_[i], able_[j]));
        }
    }
    return static_cast<std::uint32_t>(count * (count - 1) / 2) * nearest;
}

NodeSubsets::Found NodeSubsets::nearest(std::size_t count, std::size_t least,
                                        std::size_t most) const
{
    Search search{.count = count,
                  .least = least,
                  .most = most,
                  .lower_twin = stand_ins(host_, packer_, demand_),
                  .is_chosen = std::vector<bool>(host_.topology->nodes.size(), false)};
    for (const auto node : able_) {
        search.largest =
            std::max(search.largest, std::min(at_id(packer_.node_capacity(), node), most));
    }
    extend(search, 0);
    return std::move(search.found);
}

bool NodeSubsets::hopeless(const Search& search) const
{
    const auto missing = search.count - search.chosen.size();
    return search.distance > search.found.distance ||
           search.capacity + missing * search.largest < demand_.vcpus;
}

void NodeSubsets::extend(Search& search, std::size_t from) const
{
    if (hopeless(search)) {
        return;
    }
    if (search.chosen.size() == search.count) {
        accept(search);
        return;
    }
    for (auto at = from; at < able_.size(); ++at) {
        if (++search.steps > steps_max) {
            search.found.complete = false;
            return;
        }
        const auto node = able_[at];
        const auto capacity = std::min(at_id(packer_.node_capacity(), node), search.most);
        const auto& twin = at_id(search.lower_twin, node);
        if (capacity < search.least || (twin && !at_id(search.is_chosen, *twin))) {
            continue;
        }
        std::uint32_t added = 0;
        for (const auto other : search.chosen) {
            added += host_.distance(node, other);
        }
        search.chosen.push_back(node);
        at_id(search.is_chosen, node) = true;
        search.capacity += capacity;
        search.distance += added;
        extend(search, at + 1);
        search.distance -= added;
        search.capacity -= capacity;
        at_id(search.is_chosen, node) = false;
        search.chosen.pop_back();
        if (packer_.must_use(node)) {
            return; // every set without it is out of the question
        }
    }
}

void NodeSubsets::accept(Search& search) const
{
    const auto forgotten = std::any_of(able_.begin(), able_.end(), [&](NodeIndex node) {
        return packer_.must_use(node) && !at_id(search.is_chosen, node);
    });
    if (forgotten) {
        return;
    }
    if (!memory_suffices(host_, demand_, search.chosen)) {
        return;
    }
    if (search.distance < search.found.distance) {
        search.found.distance = search.distance;
        search.found.subsets.clear();
    }
    if (search.found.subsets.size() == ties_max) {
        search.found.complete = false;
        return;
    }
    search.found.subsets.push_back(search.chosen);
}

} // namespace virtpind
