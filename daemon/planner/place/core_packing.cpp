// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_packing.hpp"

#include <algorithm>
#include <type_traits>

namespace virtpind {

class Packer::Search {
public:
    Search() = default;
    Search(const Search&) = delete;
    Search(Search&&) = delete;
    Search& operator=(const Search&) = delete;
    Search& operator=(Search&&) = delete;
    virtual ~Search() = default;

    virtual std::optional<Packing> pack(const std::vector<NodeLimit>& limits) = 0;
    [[nodiscard]] virtual const std::vector<std::size_t>& node_capacity() const = 0;
    [[nodiscard]] virtual bool must_use(NodeIndex node) const = 0;
    [[nodiscard]] virtual bool alike(NodeIndex a, NodeIndex b) const = 0;
};

// `Value`: what a score is in the tables, Score or DenseScore.
template <class Value>
class Packer::SearchOf final : public Packer::Search {
public:
    SearchOf(const HostIndex& host, const PackDemand& demand, const DenseFormat& format,
             std::vector<Value>& scores)
        : host_{host}
        , demand_{demand}
        , format_{format}
        , scores_{scores}
        , limits_(host.topology->nodes.size(), NodeLimit{})
    {
        lay_out();
        for (std::size_t zone = 0; zone < tables_.size(); ++zone) {
            if (!host_.zones[zone].above_nodes) {
                fill(zone);
            }
        }
    }

    [[nodiscard]] std::optional<Packing> pack(const std::vector<NodeLimit>& limits) override
    {
        limits_ = limits;
        for (std::size_t zone = 0; zone < tables_.size(); ++zone) {
            if (host_.zones[zone].above_nodes) {
                fill(zone);
            }
        }
        const auto root = tables_.size() - 1;
        if (tables_[root].capacity < demand_.vcpus) {
            return std::nullopt;
        }
        const auto score = zone_score(root, demand_.vcpus);
        if (!score.possible()) {
            return std::nullopt;
        }
        Packing packing{.score = format_.decode(score),
                        .taken = std::vector<std::size_t>(host_.cores.size(), 0),
                        .nodes = std::vector<std::size_t>(host_.topology->nodes.size(), 0)};
        trace(root, demand_.vcpus, packing);
        return packing;
    }

    [[nodiscard]] const std::vector<std::size_t>& node_capacity() const override
    {
        return node_capacity_;
    }

    [[nodiscard]] bool must_use(NodeIndex node) const override
    {
        const auto zone = at_id(node_zone_, node);
        return !scores_[parts_[tables_[zone].parts].first].possible() ||
               (demand_.limits != nullptr && demand_.limits->zones[zone].least > 0);
    }

    [[nodiscard]] bool alike(NodeIndex a, NodeIndex b) const override
    {
        const auto first = at_id(node_zone_, a);
        const auto second = at_id(node_zone_, b);
        const auto capacity = tables_[first].capacity;
        if (host_.zones[first].parent != host_.zones[second].parent ||
            capacity != tables_[second].capacity) {
            return false;
        }
        for (std::size_t count = 0; count <= std::min(capacity, demand_.vcpus); ++count) {
            if (!(zone_score(first, count) == zone_score(second, count))) {
                return false;
            }
        }
        return true;
    }

private:
    // The best of a part of a zone and all later parts, by their vCPUs.
    struct PartTable {
        std::size_t first = 0; // in scores_
        std::size_t most = 0;  // vCPUs
    };

    struct ZoneTable {
        std::size_t parts = 0; // in parts_: one for each part, and one for what is after the last
        std::size_t capacity = 0;
        Value cost; // paid when any core is used
    };

    // Sizes and offsets of all tables, and the scores of single cores.
    void lay_out()
    {
        add_cores();
        tables_.resize(host_.zones.size());
        parts_.reserve(host_.zones.size() * 2 + host_.cores.size());
        node_capacity_.assign(host_.topology->nodes.size(), 0);
        node_zone_.assign(host_.topology->nodes.size(), 0);
        std::size_t size = scores_.size();
        for (std::size_t at = 0; at < tables_.size(); ++at) {
            const auto& zone = host_.zones[at];
            auto& table = tables_[at];
            table.cost = format_.template encode<Value>(demand_.zone_costs[at]);
            table.parts = parts_.size();
            parts_.resize(parts_.size() + zone.parts.size() + 1);
            for (auto part = zone.parts.size() + 1; part-- > 0;) {
                if (part < zone.parts.size()) {
                    table.capacity += part_capacity(zone.parts[part]);
                }
                const auto most = std::min(table.capacity, demand_.vcpus);
                parts_[table.parts + part] = {.first = size, .most = most};
                size += most + 1;
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

    // Most cores are like the one before them.
    void add_cores()
    {
        scores_.clear();
        core_first_.reserve(host_.cores.size());
        const CoreOffer* before = nullptr;
        for (const auto& offer : demand_.offers) {
            const auto first = scores_.size();
            const auto most = std::min(offer.most, demand_.vcpus);
            for (std::size_t count = 0; count <= most; ++count) {
                scores_.push_back(before != nullptr && alike(*before, offer, count)
                                      ? scores_[core_first_.back() + count]
                                      : core_score(offer, count));
            }
            core_first_.push_back(first);
            before = &offer;
        }
    }

    [[nodiscard]] bool alike(const CoreOffer& a, const CoreOffer& b, std::size_t count) const
    {
        return count > 0 && count <= a.most && count >= a.keep && count >= b.keep &&
               demand_.costs[a.first + count - 1] == demand_.costs[b.first + count - 1];
    }

    [[nodiscard]] Value core_score(const CoreOffer& offer, std::size_t count) const
    {
        if (count < offer.keep) {
            return Value::impossible();
        }
        if (count == 0) {
            return {};
        }
        auto score = demand_.costs[offer.first + count - 1];
        score.template add<CostTerm::siblings>(count % demand_.guest_threads);
        return format_.template encode<Value>(score);
    }

    [[nodiscard]] std::size_t part_capacity(const Zone::Part& part) const
    {
        return part.kind == Zone::Part::Kind::core ? demand_.offers[part.index].most
                                                   : tables_[part.index].capacity;
    }

    [[nodiscard]] bool within_limit(std::size_t zone, std::size_t count) const
    {
        if (demand_.limits != nullptr && (count < demand_.limits->zones[zone].least ||
                                          count > demand_.limits->zones[zone].most)) {
            return false;
        }
        const auto& node = host_.zones[zone].node;
        if (!node) {
            return true;
        }
        const auto& limit = at_id(limits_, *node);
        return count == 0 ? !limit.required : count >= limit.least && count <= limit.most;
    }

    [[nodiscard]] Value zone_score(std::size_t zone, std::size_t count) const
    {
        if (!within_limit(zone, count)) {
            return Value::impossible();
        }
        const auto& table = tables_[zone];
        auto score = scores_[parts_[table.parts].first + count];
        if (count > 0 && score.possible()) {
            score += table.cost;
            if (host_.zones[zone].l3) {
                format_.add_scatter(score,
                                    count * (demand_.evenly ? count : demand_.vcpus - count));
            }
        }
        return score;
    }

    [[nodiscard]] Value part_score(const Zone::Part& part, std::size_t count) const
    {
        return part.kind == Zone::Part::Kind::core ? scores_[core_first_[part.index] + count]
                                                   : zone_score(part.index, count);
    }

    // From the last part to the first: the best of part i and all later ones, for every count.
    void fill(std::size_t zone)
    {
        const auto& parts = host_.zones[zone].parts;
        const auto* tables = parts_.data() + tables_[zone].parts;
        scores_[tables[parts.size()].first] = Value{};
        for (auto part = parts.size(); part-- > 0;) {
            const auto& rest = tables[part + 1];
            auto* mine = scores_.data() + tables[part].first;
            const auto part_most = std::min(part_capacity(parts[part]), demand_.vcpus);
            std::fill_n(mine, tables[part].most + 1, Value::impossible());
            for (std::size_t taken = 0; taken <= part_most; ++taken) {
                const auto score = part_score(parts[part], taken);
                if (score.possible()) {
                    const auto last = std::min(rest.most, demand_.vcpus - taken);
                    improve(mine + taken, scores_.data() + rest.first, last + 1, score);
                }
            }
        }
    }

    // Each of `count` from `best` by the one from `tail` with `score` on top, where that is less.
    static void improve(Value* best, const Value* tail, std::size_t count, const Value& score)
    {
        for (std::size_t i = 0; i < count; ++i) {
            if constexpr (std::is_same_v<Value, Score>) {
                if (!tail[i].possible()) {
                    continue;
                }
            }
            best[i] = std::min(best[i], score + tail[i]);
        }
    }

    void trace(std::size_t zone, std::size_t count, Packing& packing) const
    {
        const auto& parts = host_.zones[zone].parts;
        const auto* tables = parts_.data() + tables_[zone].parts;
        for (std::size_t part = 0; part < parts.size() && count > 0; ++part) {
            const auto wanted = scores_[tables[part].first + count];
            auto taken = std::min({part_capacity(parts[part]), demand_.vcpus, count});
            const auto reaches = [&](std::size_t here) {
                if (count - here > tables[part + 1].most) {
                    return false;
                }
                const auto score = part_score(parts[part], here);
                const auto& tail = scores_[tables[part + 1].first + count - here];
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

    const HostIndex& host_;
    const PackDemand& demand_;
    DenseFormat format_;
    std::vector<Value>& scores_;
    std::vector<ZoneTable> tables_;
    std::vector<PartTable> parts_;
    std::vector<std::size_t> core_first_; // offset of a core's own scores
    std::vector<std::size_t> node_capacity_;
    std::vector<std::size_t> node_zone_;
    std::vector<NodeLimit> limits_;
};

namespace {

// Each vCPU is on one core, and in one zone of those that a term is paid for.
ScoreBounds bounds_of(const PackDemand& demand)
{
    Score core;
    for (const auto& cost : demand.costs) {
        core |= cost;
    }
    Score zone;
    Score all_zones;
    for (const auto& cost : demand.zone_costs) {
        zone |= cost;
        all_zones += cost;
    }
    ScoreBounds bounds;
    for (const auto& row : cost_term_table) {
        bounds.terms.at(static_cast<std::size_t>(row.term)) =
            demand.vcpus * core.get(row.term) +
            std::min(demand.vcpus * zone.get(row.term), all_zones.get(row.term));
    }
    if (demand.guest_threads > 1) {
        bounds.terms.at(static_cast<std::size_t>(CostTerm::siblings)) += demand.vcpus;
    }
    bounds.scatter = demand.vcpus * demand.vcpus;
    return bounds;
}

} // namespace

Packer::Packer(const HostIndex& host, const PackDemand& demand, PackTables& tables)
{
    const DenseFormat format{bounds_of(demand)};
    if (format.words() == 1) {
        search_ = std::make_unique<SearchOf<DenseScore<1>>>(host, demand, format, tables.one);
    } else if (format.words() == 2) {
        search_ = std::make_unique<SearchOf<DenseScore<2>>>(host, demand, format, tables.two);
    } else {
        search_ = std::make_unique<SearchOf<Score>>(host, demand, format, tables.all);
    }
}

Packer::~Packer() = default;

std::optional<Packing> Packer::pack(const std::vector<NodeLimit>& limits)
{
    return search_->pack(limits);
}

const std::vector<std::size_t>& Packer::node_capacity() const
{
    return search_->node_capacity();
}

bool Packer::must_use(NodeIndex node) const
{
    return search_->must_use(node);
}

bool Packer::alike(NodeIndex a, NodeIndex b) const
{
    return search_->alike(a, b);
}

} // namespace virtpind
