// SPDX-License-Identifier: LGPL-2.1-or-later
#include "node_choice.hpp"

#include "cell_choice.hpp"
#include "node_subsets.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace virtpind {

namespace {

using Limits = std::vector<NodeLimit>;

// How many vCPUs each used node may hold.
struct Window {
    std::size_t least = 1;
    std::size_t most = id_set_limit;
};

std::size_t nodes_used(const Packing& packing)
{
    return static_cast<std::size_t>(
        std::count_if(packing.nodes.begin(), packing.nodes.end(), [](auto n) { return n > 0; }));
}

std::vector<NodeIndex> used_nodes(const Packing& packing)
{
    std::vector<NodeIndex> nodes;
    for (std::size_t node = 0; node < packing.nodes.size(); ++node) {
        if (packing.nodes[node] > 0) {
            nodes.push_back(NodeIndex{static_cast<std::uint32_t>(node)});
        }
    }
    return nodes;
}

class PlainChoice {
public:
    PlainChoice(const HostIndex& host, Packer& packer, const NodeDemand& demand)
        : host_{host}, packer_{packer}, demand_{demand}, nodes_{host.topology->nodes.size()}
    {}

    std::optional<NodeChoice> choose()
    {
        if (auto one = on_one_node()) {
            return one;
        }
        if (demand_.nodes == NodeDemand::Nodes::single) {
            return std::nullopt;
        }
        const auto free_choice = packer_.pack(Limits(nodes_));
        if (!free_choice) {
            return std::nullopt;
        }
        // numa=spread: evenly over more nodes before unevenly over fewer.
        const auto excess_max = demand_.spread == NodeDemand::Spread::even ? demand_.vcpus : 1;
        const auto fewest = std::max<std::size_t>(nodes_used(*free_choice), 2);
        const auto most = std::min(nodes_, demand_.vcpus);
        for (std::size_t excess = 0; excess < excess_max; ++excess) {
            if (auto choice = on_some_nodes(fewest, most, excess)) {
                return choice;
            }
            if (!demand_.fewest_first) {
                if (auto choice = on_some_nodes(2, fewest - 1, excess)) {
                    return choice;
                }
            }
        }
        return std::nullopt;
    }

private:
    std::optional<NodeChoice> on_one_node()
    {
        Limits limits(nodes_);
        for (std::size_t node = 0; node < nodes_; ++node) {
            if (!memory_suffices(host_, demand_, {NodeIndex{static_cast<std::uint32_t>(node)}}) ||
                packer_.node_capacity()[node] < demand_.vcpus) {
                limits[node].most = 0;
            }
        }
        auto packing = packer_.pack(limits);
        if (packing && nodes_used(*packing) > 1 && demand_.nodes == NodeDemand::Nodes::single &&
            !demand_.fewest_first) {
            packing = on_each_node(limits);
        }
        if (!packing || nodes_used(*packing) > 1) {
            return std::nullopt;
        }
        return NodeChoice{
            .packing = std::move(*packing), .cell_nodes = {}, .distance = 0, .proven = true};
    }

    // The best of those on a single node, each tried alone.
    std::optional<Packing> on_each_node(const Limits& limits)
    {
        std::optional<Packing> best;
        for (std::size_t node = 0; node < nodes_; ++node) {
            Limits alone(nodes_, {.least = 1, .most = 0});
            alone[node] = limits[node];
            auto packing = packer_.pack(alone);
            if (packing && (!best || packing->score < best->score)) {
                best = std::move(packing);
            }
        }
        return best;
    }

    std::optional<NodeChoice> on_some_nodes(std::size_t least, std::size_t most, std::size_t excess)
    {
        for (auto count = least; count <= most; ++count) {
            if (auto choice = on_nodes(count, excess)) {
                return choice;
            }
        }
        return std::nullopt;
    }

    // The best on exactly `count` nodes; numa=spread: with `excess` vCPUs more on the fullest than
    // on the emptiest one beyond what the numbers force.
    std::optional<NodeChoice> on_nodes(std::size_t count, std::size_t excess)
    {
        if (demand_.spread == NodeDemand::Spread::no) {
            return within(count, Window{});
        }
        const auto gap = excess + (demand_.vcpus % count == 0 ? 0 : 1);
        const auto lowest = demand_.vcpus / count;
        std::optional<NodeChoice> best;
        for (auto least = lowest > gap ? lowest - gap : 1; least <= lowest; ++least) {
            const Window window{.least = least, .most = least + gap};
            if (could_hold(count, window)) {
                keep_better(best, within(count, window));
            }
        }
        return best;
    }

    // Whether the `count` largest nodes hold all vCPUs within the window.
    [[nodiscard]] bool could_hold(std::size_t count, const Window& window) const
    {
        std::vector<std::size_t> capacities;
        for (const auto capacity : packer_.node_capacity()) {
            if (capacity >= window.least) {
                capacities.push_back(std::min(capacity, window.most));
            }
        }
        if (capacities.size() < count) {
            return false;
        }
        std::sort(capacities.rbegin(), capacities.rend());
        const auto end = capacities.begin() + static_cast<std::ptrdiff_t>(count);
        return std::accumulate(capacities.begin(), end, std::size_t{0}) >= demand_.vcpus;
    }

    std::optional<NodeChoice> within(std::size_t count, const Window& window)
    {
        const auto free_choice =
            packer_.pack(Limits(nodes_, {.least = window.least, .most = window.most}));
        if (!free_choice || (demand_.fewest_first && nodes_used(*free_choice) > count)) {
            return std::nullopt;
        }
        const auto nodes = used_nodes(*free_choice);
        const NodeSubsets subsets{host_, packer_, demand_};
        const auto distance = distance_between(host_, nodes);
        if (nodes.size() == count && memory_suffices(host_, demand_, nodes) &&
            distance <= subsets.least_distance(count)) {
            return NodeChoice{
                .packing = *free_choice, .cell_nodes = {}, .distance = distance, .proven = true};
        }
        const auto found = subsets.nearest(count, window.least, window.most);
        std::optional<NodeChoice> best;
        for (const auto& subset : found.subsets) {
            Limits limits(nodes_, {.least = 1, .most = 0});
            for (const auto node : subset) {
                at_id(limits,
                      node) = {.least = window.least, .most = window.most, .required = true};
            }
            if (auto packing = packer_.pack(limits)) {
                keep_better(best, NodeChoice{.packing = std::move(*packing),
                                             .cell_nodes = {},
                                             .distance = found.distance,
                                             .proven = found.complete});
            }
        }
        return best;
    }

    static void keep_better(std::optional<NodeChoice>& best, std::optional<NodeChoice> other)
    {
        if (!other) {
            return;
        }
        const auto proven = other->proven && (!best || best->proven);
        if (!best || std::tie(other->distance, other->packing.score) <
                         std::tie(best->distance, best->packing.score)) {
            best = std::move(other);
        }
        best->proven = proven;
    }

    const HostIndex& host_;
    Packer& packer_;
    const NodeDemand& demand_;
    std::size_t nodes_;
};

} // namespace

std::optional<NodeChoice> choose_nodes(const HostIndex& host, Packer& packer,
                                       const NodeDemand& demand)
{
    if (!demand.cells.empty()) {
        if (auto choice = choose_cell_nodes(host, packer, demand)) {
            return choice;
        }
        auto straddling = PlainChoice{host, packer, demand}.choose();
        if (straddling) {
            straddling->proven = false;
        }
        return straddling;
    }
    return PlainChoice{host, packer, demand}.choose();
}

} // namespace virtpind
