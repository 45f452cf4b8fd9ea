// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cell_choice.hpp"

#include "node_subsets.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace virtpind {

namespace {

constexpr std::size_t steps_max = 20'000; // counted work of one search
constexpr std::size_t ties_max = 64;      // each costs one packing

// Branch and bound over the cells, largest first.
class CellSearch {
public:
    using Assignment = std::vector<NodeIndex>; // by cell

    CellSearch(const HostIndex& host, const Packer& packer, const NodeDemand& demand)
        : host_{host}
        , demand_{demand}
        , capacity_{packer.node_capacity()}
        , memory_{demand.available_kib}
        , lower_twin_{stand_ins(host, packer, demand)}
        , cells_on_(capacity_.size(), 0)
        , order_(demand.cells.size())
        , current_(demand.cells.size())
    {
        locate_devices();
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
            return demand.cells[a].vcpus > demand.cells[b].vcpus;
        });
        place(0);
    }

    [[nodiscard]] const std::vector<Assignment>& ties() const { return ties_; }

    [[nodiscard]] std::size_t devices_missed() const { return std::get<1>(best_); }

    [[nodiscard]] std::uint32_t distance() const { return std::get<2>(best_); }

    [[nodiscard]] bool complete() const { return complete_; }

private:
    // Cells that share (spread), devices missed, distance.
    using Key = std::tuple<std::size_t, std::size_t, std::uint32_t>;

    // Nodes that are not local to the same devices cannot stand in for each other.
    void locate_devices()
    {
        missed_ = demand_.devices.size();
        beside_.assign(demand_.devices.size(), 0);
        local_devices_.resize(capacity_.size());
        for (std::uint32_t node = 0; node < capacity_.size(); ++node) {
            for (std::size_t device = 0; device < demand_.devices.size(); ++device) {
                if (demand_.devices[device].contains(host_.node_id(NodeIndex{node}))) {
                    local_devices_[node].push_back(device);
                }
            }
            most_local_ = std::max(most_local_, local_devices_[node].size());
            auto& twin = lower_twin_[node];
            if (twin && at_id(local_devices_, *twin) != local_devices_[node]) {
                twin.reset();
            }
        }
    }

    // At least so many devices have no cell beside them, however the cells from this one on go.
    [[nodiscard]] std::size_t least_missed(std::size_t at) const
    {
        return missed_ - std::min(missed_, (order_.size() - at) * most_local_);
    }

    // Cells without vCPUs come last: their memory goes where vCPUs of the domain are.
    [[nodiscard]] bool can_hold(std::size_t cell, std::size_t node) const
    {
        const auto& wanted = demand_.cells[cell];
        if (wanted.vcpus == 0 && cells_on_[node] == 0) {
            return false;
        }
        const auto single = demand_.nodes == NodeDemand::Nodes::single && !nodes_.empty() &&
                            raw(nodes_.front()) != node;
        const auto& memory = memory_[home_of(node)];
        return !single && wanted.vcpus <= capacity_[node] &&
               (!memory || wanted.memory_kib <= *memory) &&
               IdSet<NodeIndex>{NodeIndex{static_cast<std::uint32_t>(node)}}.includes(wanted.bound);
    }

    [[nodiscard]] std::size_t home_of(std::size_t node) const
    {
        return raw(host_.memory_home[node]);
    }

    // A twin that holds nothing yet stands for this one.
    [[nodiscard]] bool has_idle_twin(std::size_t node) const
    {
        return cells_on_[node] == 0 && lower_twin_[node] &&
               at_id(cells_on_, *lower_twin_[node]) == 0;
    }

    // Equal cells go to nodes in ascending order, or the same set is tried in every order.
    [[nodiscard]] std::size_t first_node(std::size_t at) const
    {
        if (at == 0) {
            return 0;
        }
        const auto& before = demand_.cells[order_[at - 1]];
        const auto& cell = demand_.cells[order_[at]];
        const auto equal = before.vcpus == cell.vcpus && before.memory_kib == cell.memory_kib &&
                           before.bound.empty() && cell.bound.empty();
        return equal ? raw(current_[order_[at - 1]]) : 0;
    }

    void place(std::size_t at)
    {
        const Key key{demand_.spread == NodeDemand::Spread::even ? sharing_ : 0, least_missed(at),
                      distance_};
        if (key > best_) {
            return;
        }
        if (at == order_.size()) {
            accept(key);
            return;
        }
        for (auto node = first_node(at); node < capacity_.size(); ++node) {
            if (++steps_ > steps_max) {
                complete_ = false;
                return;
            }
            const auto bound = !demand_.cells[order_[at]].bound.empty();
            if (can_hold(order_[at], node) && (bound || !has_idle_twin(node))) {
                put(at, node);
            }
        }
    }

    void put(std::size_t at, std::size_t node)
    {
        const auto cell = order_[at];
        const NodeIndex index{static_cast<std::uint32_t>(node)};
        const auto fresh = cells_on_[node] == 0;
        const auto distance_before = distance_;
        if (fresh) {
            for (const auto other : nodes_) {
                distance_ += host_.distance(index, other);
            }
            nodes_.push_back(index);
            for (const auto device : local_devices_[node]) {
                missed_ -= beside_[device]++ == 0 ? 1U : 0U;
            }
        }
        sharing_ += fresh ? 0U : 1U;
        ++cells_on_[node];
        capacity_[node] -= demand_.cells[cell].vcpus;
        auto& memory = memory_[home_of(node)];
        const auto memory_before = memory;
        if (memory) {
            *memory -= demand_.cells[cell].memory_kib;
        }
        current_[cell] = index;
        place(at + 1);
        memory = memory_before;
        capacity_[node] += demand_.cells[cell].vcpus;
        --cells_on_[node];
        sharing_ -= fresh ? 0U : 1U;
        if (fresh) {
            nodes_.pop_back();
            for (const auto device : local_devices_[node]) {
                missed_ += --beside_[device] == 0 ? 1U : 0U;
            }
        }
        distance_ = distance_before;
    }

    void accept(const Key& key)
    {
        if (key < best_) {
            best_ = key;
            ties_.clear();
        }
        if (ties_.size() == ties_max) {
            complete_ = false;
            return;
        }
        ties_.push_back(current_);
    }

    const HostIndex& host_;
    const NodeDemand& demand_;
    std::vector<std::size_t> capacity_;
    std::vector<std::optional<std::uint64_t>> memory_;
    std::vector<std::optional<NodeIndex>> lower_twin_;
    std::vector<std::size_t> cells_on_; // by NodeIndex
    std::vector<std::size_t> order_;
    Assignment current_;
    std::vector<NodeIndex> nodes_;                        // in use
    std::vector<std::vector<std::size_t>> local_devices_; // by NodeIndex
    std::size_t most_local_ = 0;                          // devices of one node
    std::vector<std::size_t> beside_;                     // nodes in use, by device
    std::size_t missed_ = 0;                              // devices with none
    std::uint32_t distance_ = 0;
    std::size_t sharing_ = 0;
    std::size_t steps_ = 0;
    bool complete_ = true;
    Key best_{std::numeric_limits<std::size_t>::max(), 0, 0};
    std::vector<Assignment> ties_;
};

std::vector<NodeLimit> limits_of(const NodeDemand& demand, const CellSearch::Assignment& nodes)
{
    std::vector<std::size_t> counts(demand.available_kib.size(), 0);
    for (std::size_t cell = 0; cell < nodes.size(); ++cell) {
        at_id(counts, nodes[cell]) += demand.cells[cell].vcpus;
    }
    std::vector<NodeLimit> limits;
    for (const auto count : counts) {
        limits.push_back({.least = count, .most = count, .required = count > 0});
    }
    return limits;
}

} // namespace

std::optional<NodeChoice> choose_cell_nodes(const HostIndex& host, Packer& packer,
                                            const NodeDemand& demand)
{
    const CellSearch search{host, packer, demand};
    std::optional<NodeChoice> best;
    for (const auto& nodes : search.ties()) {
        auto packing = packer.pack(limits_of(demand, nodes));
        if (packing && (!best || packing->score < best->packing.score)) {
            best = NodeChoice{.packing = std::move(*packing),
                              .cell_nodes = nodes,
                              .devices_missed = search.devices_missed(),
                              .distance = search.distance(),
                              .proven = search.complete()};
        }
    }
    return best;
}

} // namespace virtpind
