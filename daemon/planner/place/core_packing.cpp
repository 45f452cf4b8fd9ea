// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_packing.hpp"

#include <algorithm>

namespace virtpind {

Packer::Packer(const HostIndex& host, const PackDemand& demand, PackTables& scores)
    : host_{host}
    , demand_{demand}
    , scores_{scores}
    , limits_(host.topology->nodes.size(), NodeLimit{})
{
    lay_out();
    for (std::size_t zone = 0; zone < tables_.size(); ++zone) {
        if (!tables_[zone].above_nodes) {
            fill(zone);
        }
    }
}

// Sizes and offsets of all tables, and the scores of single cores.
void Packer::lay_out()
{
    scores_.clear();
    core_first_.reserve(host_.cores.size());
    for (std::size_t core = 0; core < host_.cores.size(); ++core) {
        core_first_.push_back(scores_.size());
        const auto most = std::min(demand_.offers[core].most, demand_.vcpus);
        for (std::size_t count = 0; count <= most; ++count) {
            scores_.push_back(core_score(core, count));
        }
    }
    tables_.resize(host_.zones.size());
    node_capacity_.assign(host_.topology->nodes.size(), 0);
    node_zone_.assign(host_.topology->nodes.size(), 0);
    std::size_t size = scores_.size();
    for (std::size_t at = 0; at < tables_.size(); ++at) {
        const auto& zone = host_.zones[at];
        auto& table = tables_[at];
        table.first.resize(zone.parts.size() + 1);
        table.most.resize(zone.parts.size() + 1);
        for (auto part = zone.parts.size() + 1; part-- > 0;) {
            if (part < zone.parts.size()) {
                table.capacity += part_capacity(zone.parts[part]);
            }
            table.first[part] = size;
            table.most[part] = std::min(table.capacity, demand_.vcpus);
            size += table.most[part] + 1;
        }
        for (const auto& part : zone.parts) {
            if (part.kind == Zone::Part::Kind::zone) {
                tables_[part.index].parent = at;
                table.above_nodes = table.above_nodes || tables_[part.index].above_nodes ||
                                    host_.zones[part.index].node.has_value();
            }
        }
        if (demand_.limits != nullptr) {
            table.capacity = std::min(table.capacity, demand_.limits->zones[at].most);
        }
        if (zone.node) {
            at_id(node_capacity_, *zone.node) = table.capacity;
            at_id(node_zone_, *zone.node) = at;
        }
    }
    scores_.resize(size);
}

Score Packer::core_score(std::size_t core, std::size_t count) const
{
    const auto& offer = demand_.offers[core];
    if (count < offer.keep) {
        return Score::impossible();
    }
    if (count == 0) {
        return {};
    }
    auto score = offer.costs[count - 1];
    score.add<CostTerm::siblings>(count % demand_.guest_threads);
    return score;
}

std::size_t Packer::part_capacity(const Zone::Part& part) const
{
    return part.kind == Zone::Part::Kind::core ? demand_.offers[part.index].most
                                               : tables_[part.index].capacity;
}

bool Packer::within_limit(std::size_t zone, std::size_t count) const
{
    if (demand_.limits != nullptr &&
        (count < demand_.limits->zones[zone].least || count > demand_.limits->zones[zone].most)) {
        return false;
    }
    const auto& node = host_.zones[zone].node;
    if (!node) {
        return true;
    }
    const auto& limit = at_id(limits_, *node);
    return count == 0 ? !limit.required : count >= limit.least && count <= limit.most;
}

Score Packer::zone_score(std::size_t zone, std::size_t count) const
{
    if (!within_limit(zone, count)) {
        return Score::impossible();
    }
    auto score = scores_[tables_[zone].first.front() + count];
    if (count > 0 && score.possible()) {
        score += demand_.zone_costs[zone];
        if (host_.zones[zone].l3) {
            score.add_scatter(count * (demand_.evenly ? count : demand_.vcpus - count));
        }
    }
    return score;
}

Score Packer::part_score(const Zone::Part& part, std::size_t count) const
{
    return part.kind == Zone::Part::Kind::core ? scores_[core_first_[part.index] + count]
                                               : zone_score(part.index, count);
}

// From the last part to the first: the best of part i and all later ones, for every count.
void Packer::fill(std::size_t zone)
{
    const auto& parts = host_.zones[zone].parts;
    const auto& table = tables_[zone];
    scores_[table.first[parts.size()]] = Score{};
    for (auto part = parts.size(); part-- > 0;) {
        const auto rest = table.first[part + 1];
        const auto mine = table.first[part];
        const auto rest_most = table.most[part + 1];
        const auto part_most = std::min(part_capacity(parts[part]), demand_.vcpus);
        std::fill_n(scores_.begin() + static_cast<std::ptrdiff_t>(mine), table.most[part] + 1,
                    Score::impossible());
        for (std::size_t taken = 0; taken <= part_most; ++taken) {
            const auto score = part_score(parts[part], taken);
            if (!score.possible()) {
                continue;
            }
            const auto last = std::min(rest_most, demand_.vcpus - taken);
            work_ += last + 1;
            for (std::size_t others = 0; others <= last; ++others) {
                const auto& tail = scores_[rest + others];
                if (tail.possible()) {
                    auto& best = scores_[mine + taken + others];
                    best = std::min(best, score + tail);
                }
            }
        }
    }
}

std::optional<Packing> Packer::pack(const std::vector<NodeLimit>& limits)
{
    limits_ = limits;
    for (std::size_t zone = 0; zone < tables_.size(); ++zone) {
        if (tables_[zone].above_nodes) {
            fill(zone);
        }
    }
    const auto root = tables_.size() - 1;
    if (tables_[root].capacity < demand_.vcpus || !zone_score(root, demand_.vcpus).possible()) {
        return std::nullopt;
    }
    Packing packing{.score = zone_score(root, demand_.vcpus),
                    .taken = std::vector<std::size_t>(host_.cores.size(), 0),
                    .nodes = std::vector<std::size_t>(host_.topology->nodes.size(), 0)};
    trace(root, demand_.vcpus, packing);
    return packing;
}

void Packer::trace(std::size_t zone, std::size_t count, Packing& packing) const
{
    const auto& parts = host_.zones[zone].parts;
    const auto& table = tables_[zone];
    for (std::size_t part = 0; part < parts.size() && count > 0; ++part) {
        const auto wanted = scores_[table.first[part] + count];
        auto taken = std::min({part_capacity(parts[part]), demand_.vcpus, count});
        const auto reaches = [&](std::size_t here) {
            if (count - here > table.most[part + 1]) {
                return false;
            }
            const auto score = part_score(parts[part], here);
            const auto& tail = scores_[table.first[part + 1] + count - here];
            return score.possible() && tail.possible() && score + tail == wanted;
        };
        while (!reaches(taken)) { // 0 is reached at the latest: `wanted` came from some count
            --taken;
        }
        count -= taken;
        if (taken == 0) {
            continue;
        }
        if (parts[part].kind == Zone::Part::Kind::zone) {
            trace(parts[part].index, taken, packing);
        } else {
            packing.taken[parts[part].index] = taken;
            at_id(packing.nodes, host_.cores[parts[part].index].node) += taken;
        }
    }
}

bool Packer::must_use(NodeIndex node) const
{
    const auto zone = at_id(node_zone_, node);
    return !scores_[tables_[zone].first.front()].possible() ||
           (demand_.limits != nullptr && demand_.limits->zones[zone].least > 0);
}

bool Packer::alike(NodeIndex a, NodeIndex b) const
{
    const auto& first = tables_[at_id(node_zone_, a)];
    const auto& second = tables_[at_id(node_zone_, b)];
    if (first.parent != second.parent || first.capacity != second.capacity) {
        return false;
    }
    for (std::size_t count = 0; count <= std::min(first.capacity, demand_.vcpus); ++count) {
        if (zone_score(at_id(node_zone_, a), count) != zone_score(at_id(node_zone_, b), count)) {
            return false;
        }
    }
    return true;
}

} // namespace virtpind
