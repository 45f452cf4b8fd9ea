// SPDX-License-Identifier: LGPL-2.1-or-later
#include "node_choice.hpp"

#include "cell_choice.hpp"
#include "node_subsets.hpp"

#include <algorithm>
#include <compare>
#include <numeric>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

using Limits = std::vector<NodeLimit>;

constexpr std::size_t choices_max = 16; // that are compared where nodes do not come first

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

// What is compared before the number of nodes.
auto before_nodes(const Packing& packing)
{
    return std::pair{packing.score.get(CostTerm::low_power), packing.score.get(CostTerm::doubled)};
}

class PlainChoice {
public:
    PlainChoice(const HostIndex& host, Packer& packer, const NodeDemand& demand)
        : host_{host}, packer_{packer}, demand_{demand}, nodes_{host.topology->nodes.size()}
    {}

    std::optional<NodeChoice> choose()
    {
        auto one = on_one_node();
        if (demand_.nodes == NodeDemand::Nodes::single || (one && demand_.fewest_first)) {
            return one;
        }
        const auto free_choice = packer_.pack(Limits(nodes_));
        if (!free_choice || (one && is_least(*one, *free_choice))) {
            return one;
        }
        return on_several(*free_choice, std::move(one));
    }

private:
    // Whether it pays no more of what comes before the number of nodes than it must: no packing
    // pays less than that without limits.
    [[nodiscard]] bool is_least(const NodeChoice& choice, const Packing& unlimited) const
    {
        return demand_.fewest_first || before_nodes(choice.packing) <= before_nodes(unlimited);
    }

    // `best` so far, or better.
    std::optional<NodeChoice> on_several(const Packing& unlimited, std::optional<NodeChoice> best)
    {
        std::size_t choices = 0;
        const auto enough = [&](std::optional<NodeChoice> choice) {
            if (choice && (!best || before_nodes(choice->packing) < before_nodes(best->packing))) {
                best = std::move(choice);
            }
            return best && (is_least(*best, unlimited) || ++choices == choices_max);
        };
        // numa=spread: evenly over more nodes before unevenly over fewer.
        const auto excess_max = demand_.spread == NodeDemand::Spread::even ? demand_.vcpus : 1;
        const auto fewest = std::max<std::size_t>(nodes_used(unlimited), 2);
        const auto most = std::min(nodes_, demand_.vcpus);
        for (std::size_t excess = 0; excess < excess_max; ++excess) {
            for (auto count = fewest; count <= most; ++count) {
                if (enough(on_nodes(count, excess))) {
                    return best;
                }
            }
            for (std::size_t count = 2; count < fewest && !demand_.fewest_first; ++count) {
                if (enough(on_nodes(count, excess))) {
                    return best;
                }
            }
        }
        return best;
    }

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
        const auto fits = nodes.size() == count && memory_suffices(host_, demand_, nodes);
        if (fits && distance <= subsets.least_distance(count)) {
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
        // Nearer nodes come after what only these save.
        if (fits && (!best || !is_least(*best, *free_choice))) {
            return NodeChoice{
                .packing = *free_choice, .cell_nodes = {}, .distance = distance, .proven = false};
        }
        return best;
    }

    void keep_better(std::optional<NodeChoice>& best, std::optional<NodeChoice> other)
    {
        if (!other) {
            return;
        }
        const auto proven = other->proven && (!best || best->proven);
        const auto earlier = best && !demand_.fewest_first
                                 ? before_nodes(other->packing) <=> before_nodes(best->packing)
                                 : std::strong_ordering::equal;
        if (!best || earlier < 0 ||
            (earlier == 0 && std::tie(other->distance, other->packing.score) <
                                 std::tie(best->distance, best->packing.score))) {
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
