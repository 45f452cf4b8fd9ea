// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_index.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace virtpind {

namespace {

using CoreSet = IdSet<CoreIndex>;

bool crosses(const CoreSet& a, const CoreSet& b)
{
    return a.intersects(b) && !a.includes(b) && !b.includes(a);
}

// The zones of one host, made to nest: nodes first, since counts per node are constrained, then
// packages, then L3s and L2s, each cut at the borders of those before it.
class ZoneBuilder {
public:
    explicit ZoneBuilder(const std::vector<HostCore>& cores) : cores_{cores} {}

    template <class Index, class Of>
    void add_family(std::size_t members, Of HostCore::*of, std::optional<Index> Zone::*role)
    {
        std::vector<CoreSet> sets(members);
        for (std::size_t core = 0; core < cores_.size(); ++core) {
            if (const std::optional<Index> member = cores_[core].*of) {
                at_id(sets, *member).insert(CoreIndex{static_cast<std::uint32_t>(core)});
            }
        }
        const auto earlier = zones_.size();
        for (std::size_t member = 0; member < members; ++member) {
            for (auto& piece : cut(std::move(sets[member]), earlier)) {
                zone_of(std::move(piece)).*role = Index{static_cast<std::uint32_t>(member)};
            }
        }
    }

    // Adds the whole host on top and links parts to zones.
    std::vector<Zone> finish() &&
    {
        CoreSet all;
        for (std::size_t core = 0; core < cores_.size(); ++core) {
            all.insert(CoreIndex{static_cast<std::uint32_t>(core)});
        }
        zone_of(std::move(all));
        std::stable_sort(zones_.begin(), zones_.end(), [](const Zone& a, const Zone& b) {
            return a.cores.size() < b.cores.size();
        });
        link();
        return std::move(zones_);
    }

    [[nodiscard]] bool crossing() const { return crossing_; }

private:
    std::vector<CoreSet> cut(CoreSet whole, std::size_t earlier)
    {
        std::vector<CoreSet> pieces;
        if (!whole.empty()) {
            pieces.push_back(std::move(whole));
        }
        for (std::size_t zone = 0; zone < earlier; ++zone) {
            for (std::size_t i = 0; i < pieces.size(); ++i) {
                if (crosses(pieces[i], zones_[zone].cores)) {
                    crossing_ = true;
                    pieces.push_back(pieces[i] - zones_[zone].cores);
                    pieces[i] &= zones_[zone].cores;
                }
            }
        }
        return pieces;
    }

    Zone& zone_of(CoreSet cores)
    {
        const auto at = std::find_if(zones_.begin(), zones_.end(),
                                     [&cores](const Zone& zone) { return zone.cores == cores; });
        if (at != zones_.end()) {
            return *at;
        }
        zones_.emplace_back().cores = std::move(cores);
        return zones_.back();
    }

    void link()
    {
        constexpr auto none = static_cast<std::size_t>(-1);
        std::vector<std::size_t> top(cores_.size(), none); // topmost zone so far, by core
        for (std::size_t at = 0; at < zones_.size(); ++at) {
            auto& zone = zones_[at];
            for (const auto id : zone.cores) {
                const auto core = raw(id);
                if (top[core] == none) {
                    zone.parts.push_back({Zone::Part::Kind::core, core});
                } else if (auto& child = zones_[top[core]]; raw(child.cores.front()) == core) {
                    zone.parts.push_back({Zone::Part::Kind::zone, top[core]});
                    zone.above_nodes = zone.above_nodes || child.above_nodes || child.node;
                    child.parent = at;
                }
            }
            for (const auto id : zone.cores) {
                at_id(top, id) = at;
            }
        }
    }

    const std::vector<HostCore>& cores_;
    std::vector<Zone> zones_;
    bool crossing_ = false;
};

bool some_but_not_all(std::size_t some, std::size_t all)
{
    return some != 0 && some != all;
}

} // namespace

HostIndex::HostIndex(const Topology& host) : topology{&host}
{
    index_cores();
    index_l2s();
    build_zones();
    online = host.online_cpus();
    all_nodes = host.all_nodes();
    quiet = host.quiet_cpus() & online;
    for (const auto& node : host.nodes) {
        node_cpus.push_back(node.cpus & online);
        if (!node_cpus.back().empty()) {
            nodes_with_cpus.insert(node.id);
        }
    }
    node_packages.resize(host.nodes.size());
    for (const auto& cpu : host.cpus) {
        at_id(node_packages, cpu.node).insert(cpu.package);
    }
    const auto some_memory = std::any_of(host.nodes.begin(), host.nodes.end(),
                                         [](const Node& node) { return node.memory_kib > 0; });
    find_near_nodes();
    std::size_t nodes_with_io = 0;
    for (std::size_t node = 0; node < host.nodes.size(); ++node) {
        const auto home = memory_home[node];
        lacks_memory.push_back(some_memory && at_id(host.nodes, home).memory_kib == 0);
        nodes_with_io += has_io[node] && !node_cpus[node].empty() ? 1U : 0U;
    }
    io_nodes_set = some_but_not_all(nodes_with_io, nodes_with_cpus.size());
    for (const auto& l3 : host.l3s) {
        l3_cpus.push_back(l3.cpus & online);
    }
    const auto vcaches =
        std::count_if(host.l3s.begin(), host.l3s.end(), [](const L3& l3) { return l3.vcache; });
    has_vcache = some_but_not_all(static_cast<std::size_t>(vcaches), host.l3s.size());
}

// An L3 that the host knows, whole: no stand-in.
bool HostIndex::is_one_l3(NodeIndex node) const
{
    const auto& cpus = at_id(topology->nodes, node).cpus;
    return !cpus.empty() &&
           std::any_of(topology->l3s.begin(), topology->l3s.end(),
                       [&cpus](const L3& l3) { return l3.size_bytes > 0 && l3.cpus == cpus; });
}

bool HostIndex::are_near(NodeIndex a, NodeIndex b) const
{
    constexpr std::uint32_t no_distance = 11; // 10 is local, and firmware has to tell them apart
    return at_id(at_id(topology->distance, a), b) <= no_distance &&
           at_id(at_id(topology->distance, b), a) <= no_distance &&
           at_id(node_packages, a).size() == 1 &&
           at_id(node_packages, a) == at_id(node_packages, b);
}

void HostIndex::find_near_nodes()
{
    const auto count = static_cast<std::uint32_t>(topology->nodes.size());
    std::vector<bool> one_l3;
    for (std::uint32_t node = 0; node < count; ++node) {
        one_l3.push_back(is_one_l3(NodeIndex{node}));
    }
    for (std::uint32_t node = 0; node < count; ++node) {
        const NodeIndex index{node};
        NodeSet near{node_id(index)};
        auto home = index;
        auto io = topology->nodes[node].has_io;
        for (std::uint32_t other = 0; one_l3[node] && other < count; ++other) {
            const NodeIndex there{other};
            if (other == node || !one_l3[other] || !are_near(index, there)) {
                continue;
            }
            near.insert(node_id(there));
            io = io || topology->nodes[other].has_io;
            const auto first = home == index && topology->nodes[node].memory_kib == 0 &&
                               topology->nodes[other].memory_kib > 0;
            home = first ? there : home;
        }
        near_nodes.push_back(std::move(near));
        memory_home.push_back(home);
        has_io.push_back(io);
    }
}

NodeSet HostIndex::near_all(const NodeSet& nodes) const
{
    NodeSet near;
    for (std::uint32_t node = 0; node < near_nodes.size(); ++node) {
        if (nodes.contains(node_id(NodeIndex{node}))) {
            near |= near_nodes[node];
        }
    }
    return near;
}

NodeSet HostIndex::memory_homes(const NodeSet& nodes) const
{
    NodeSet homes;
    for (std::uint32_t node = 0; node < memory_home.size(); ++node) {
        if (nodes.contains(node_id(NodeIndex{node}))) {
            homes.insert(node_id(memory_home[node]));
        }
    }
    return homes;
}

NodeSet HostIndex::with_borrowers(const NodeSet& nodes) const
{
    auto all = nodes;
    for (std::uint32_t node = 0; node < memory_home.size(); ++node) {
        if (nodes.contains(node_id(memory_home[node]))) {
            all.insert(node_id(NodeIndex{node}));
        }
    }
    return all;
}

std::uint32_t HostIndex::distance_to(NodeIndex node, const NodeSet& nodes) const
{
    auto nearest = std::numeric_limits<std::uint32_t>::max();
    for (std::uint32_t i = 0; i < topology->nodes.size(); ++i) {
        const NodeIndex other{i};
        if (nodes.contains(node_id(other))) {
            const auto apart = !at_id(node_packages, node).intersects(at_id(node_packages, other));
            nearest =
                std::min(nearest, node == other ? 0 : 2 * distance(node, other) + (apart ? 1 : 0));
        }
    }
    return nearest;
}

void HostIndex::index_cores()
{
    const std::size_t limit = topology->cpus.empty() ? 0 : raw(topology->cpus.back().id) + 1;
    places_.resize(limit);
    for (std::size_t i = 0; i < topology->cpus.size(); ++i) {
        at_id(places_, topology->cpus[i].id).cpu = i;
    }
    for (const auto& core : topology->cores) {
        HostCore mine{.cpus = {},
                      .set = {},
                      .l3 = core.l3,
                      .node = core.node,
                      .package = core.package,
                      .kind = core.kind};
        for (const auto id : core.cpus) {
            if (cpu(id).online) {
                at_id(places_, id).core = cores.size();
                mine.cpus.push_back(id);
                mine.set.insert(id);
            }
        }
        if (!mine.cpus.empty()) {
            cores.push_back(std::move(mine));
        }
    }
}

// A core is in one L2, whatever the host is said to have.
void HostIndex::index_l2s()
{
    for (const auto& cache : topology->caches) {
        if (cache.level != 2 || cache.type == Cache::Type::instruction) {
            continue;
        }
        IdSet<CoreIndex> sharing;
        CpuSet cpus;
        for (const auto id : cache.cpus) {
            if (const auto core = find_core(id); core && !cores[*core].l2) {
                sharing.insert(CoreIndex{static_cast<std::uint32_t>(*core)});
                cpus |= cores[*core].set;
            }
        }
        if (sharing.size() > 1) {
            for (const auto core : sharing) {
                at_id(cores, core).l2 = L2Index{static_cast<std::uint32_t>(l2_cpus.size())};
            }
            l2_cpus.push_back(std::move(cpus));
        }
    }
}

void HostIndex::build_zones()
{
    ZoneBuilder builder{cores};
    builder.add_family(topology->nodes.size(), &HostCore::node, &Zone::node);
    builder.add_family(topology->packages.size(), &HostCore::package, &Zone::package);
    builder.add_family(topology->l3s.size(), &HostCore::l3, &Zone::l3);
    builder.add_family(l2_cpus.size(), &HostCore::l2, &Zone::l2);
    crossing = builder.crossing();
    zones = std::move(builder).finish();
}

} // namespace virtpind
