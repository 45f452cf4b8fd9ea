// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace virtpind {

namespace {

// How many of the largest parts hold `wanted`.
std::size_t parts_needed(std::vector<std::size_t> sizes, std::size_t wanted)
{
    std::sort(sizes.begin(), sizes.end(), std::greater<>{});
    std::size_t parts = 0;
    std::size_t held = 0;
    while (held < wanted && parts < sizes.size()) {
        held += sizes[parts++];
    }
    return parts;
}

// "6+2": of how many each part has.
template <class Index>
std::string plus_text(const std::map<Index, std::size_t>& counts)
{
    std::string text;
    for (const auto& [part, count] : counts) {
        text += (text.empty() ? "" : "+") + std::to_string(count);
    }
    return text;
}

// A guest that takes each vCPU for a core and has cores of its own needs cores, not CPUs; also one
// whose cores have a thread that stays off.
bool has_own_cores(const GuestView& guest)
{
    std::set<CoreIndex> cores;
    for (const auto& [vcpu, mask] : guest.masks) {
        const auto core = guest.core_of(mask);
        if (!core || !cores.insert(*core).second) {
            return false;
        }
    }
    const auto shown = guest.cores();
    return std::all_of(shown.begin(), shown.end(),
                       [](const GuestCore& core) { return core.size() == 1; });
}

std::vector<std::size_t> l3_sizes(const GuestView& guest)
{
    const auto& host = *guest.host;
    const auto usable = host.usable_cpus();
    const auto by_core = has_own_cores(guest);
    std::vector<std::size_t> sizes;
    for (const auto& l3 : host.l3s) {
        std::set<CoreIndex> cores;
        for (const auto cpu : l3.cpus& usable) {
            cores.insert(host.cpu(cpu).core);
        }
        sizes.push_back(by_core ? cores.size() : l3.cpus.common(usable));
    }
    return sizes;
}

// The vCPUs on each L3; nullopt unless all vCPUs stay in one each.
std::optional<std::map<L3Index, std::size_t>> vcpus_by_l3(const GuestView& guest)
{
    std::map<L3Index, std::size_t> counts;
    for (const auto& [vcpu, mask] : guest.masks) {
        const auto l3 = guest.l3_of(mask);
        if (!l3) {
            return std::nullopt;
        }
        ++counts[*l3];
    }
    return guest.masks.size() == guest.vcpus.size() && !counts.empty() ? std::optional{counts}
                                                                       : std::nullopt;
}

bool is_uneven(const GuestView& guest, const std::map<L3Index, std::size_t>& counts)
{
    auto fewest = guest.vcpus.size();
    std::size_t most = 0;
    std::set<std::size_t> sizes;
    for (const auto& [l3, count] : counts) {
        fewest = std::min(fewest, count);
        most = std::max(most, count);
        sizes.insert(at_id(guest.host->l3s, l3).cpus.size());
    }
    return sizes.size() == 1 && most - fewest > std::max(guest.topology.threads, 1U);
}

void check_l3s(const GuestView& guest, const std::map<L3Index, std::size_t>& counts,
               Findings& findings)
{
    const auto needed = parts_needed(l3_sizes(guest), guest.vcpus.size());
    const auto told = std::max<std::size_t>(guest.topology.dies * guest.topology.sockets,
                                            guest.seen->facts.cells.size());
    // A guest that knows of them spreads its own work.
    const auto severity = told >= counts.size() ? Severity::note : Severity::warning;
    if (counts.size() > needed) {
        findings.add(Check::pin_cross_llc,
                     {.evidence = "its " + pluralize(guest.vcpus.size(), "vCPU") + " are on " +
                                  std::to_string(counts.size()) + " L3s (" + plus_text(counts) +
                                  ") where " + std::to_string(needed) + " would do",
                      .automatic = dedicated_fix(),
                      .severity = severity});
    } else if (counts.size() > 1 && told < counts.size() && is_uneven(guest, counts)) {
        findings.add(Check::pin_cross_llc,
                     {.evidence = "its " + pluralize(guest.vcpus.size(), "vCPU") + " are on " +
                                  std::to_string(counts.size()) + " L3s, " + plus_text(counts),
                      .why = "the guest believes in one L3, and few of its vCPUs are apart",
                      .automatic = tune_fix("topology", std::string{"host"})});
    }
}

void check_vcache(const GuestView& guest, const std::map<L3Index, std::size_t>& counts,
                  Findings& findings)
{
    const auto sizes = l3_sizes(guest);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const auto& l3 = guest.host->l3s[i];
        const auto fits = sizes[i] >= guest.vcpus.size();
        if (l3.vcache && fits && counts.size() > 1) {
            findings.add(Check::pin_not_vcache,
                         {.evidence = "its vCPUs are on " + std::to_string(counts.size()) +
                                      " L3s, and all of them fit on the V-cache's " + l3.cpus.str(),
                          .automatic = dedicated_fix()});
            return;
        }
    }
}

void check_nodes(const GuestView& guest, Findings& findings)
{
    if (!guest.pinned || !guest.seen->facts.cells.empty()) {
        return;
    }
    const auto& host = *guest.host;
    const auto used = far_nodes(host, guest.own);
    if (used.size() < 2) {
        return;
    }
    std::map<NodeId, std::size_t> counts;
    for (const auto& [vcpu, mask] : guest.masks) {
        if (mask.empty()) {
            continue; // its pin is dead
        }
        ++counts[host.nodes_of(mask).front()];
    }
    std::vector<std::size_t> sizes;
    for (const auto& group : far_nodes(host, host.usable_cpus())) {
        sizes.push_back(host.cpus_of(group).common(host.usable_cpus()));
    }
    const auto needed = parts_needed(sizes, guest.vcpus.size());
    const auto evidence = "its " + pluralize(guest.vcpus.size(), "vCPU") + " are on nodes " +
                          host.nodes_of(guest.own).str() + " (" + plus_text(counts) + ")";
    findings.add(Check::pin_cross_numa,
                 needed < used.size()
                     ? Said{.evidence = evidence + ", and would fit on " +
                                        (needed == 1 ? "one" : std::to_string(needed)),
                            .automatic = dedicated_fix()}
                     : Said{.evidence = evidence + ", and the guest has no NUMA cells",
                            .automatic = tune_fix("topology", std::string{"host"})});
}

// The CPUs that some vCPUs may run on; empty where one of them may run on all.
CpuSet masks_of(const GuestView& guest, const VcpuSet& vcpus)
{
    CpuSet cpus;
    for (const auto vcpu : vcpus) {
        const auto mask = guest.masks.find(vcpu);
        if (mask == guest.masks.end()) {
            return {};
        }
        cpus |= mask->second;
    }
    return cpus;
}

// Whether memory of these nodes is far from those CPUs, and nearer one is there. Nodes without CPUs
// have memory of another kind, which somebody chose.
bool is_far_memory(const Topology& host, const NodeSet& bound, const CpuSet& cpus)
{
    const auto having = host.memory_nodes();
    const auto nodes = bound & (having.empty() ? host.all_nodes() : having);
    const auto has_cpus = [&host](NodeId node) { return !host.cpus_of(NodeSet{node}).empty(); };
    const auto own = host.nodes_of(cpus);
    return !nodes.empty() && !own.empty() && std::all_of(nodes.begin(), nodes.end(), has_cpus) &&
           (having.empty() || having.intersects(own)) && !are_near(host, host.cpus_of(nodes), cpus);
}

// Memory that is bound to other nodes than those of its vCPUs.
void check_memory_nodes(const GuestView& guest, Findings& findings)
{
    const auto& tune = guest.pins.numatune;
    if (!tune) {
        return;
    }
    std::vector<std::string> words;
    const auto judge = [&](const std::string& memory, const NodeSet& nodes, const VcpuSet& vcpus) {
        const auto cpus = masks_of(guest, vcpus & guest.vcpus);
        if (is_far_memory(*guest.host, nodes, cpus)) {
            words.push_back(memory + " is bound to node " + nodes.str() +
                            ", and its vCPUs are on " + guest.host->nodes_of(cpus).str());
        }
    };
    const auto& cells = guest.seen->facts.cells;
    for (const auto& cell : cells) {
        const auto own = tune->cells.find(cell.id);
        judge("the memory of cell " + std::to_string(cell.id),
              own == tune->cells.end() ? tune->nodes : own->second, cell.vcpus);
    }
    if (cells.empty()) {
        judge("its memory", tune->nodes, guest.vcpus);
    }
    if (!words.empty()) {
        findings.add(Check::pin_cross_numa,
                     {.evidence = some_of(words),
                      .why = "each access to that memory crosses the link between the nodes",
                      .automatic = dedicated_fix()});
    }
}

void check_device_nodes(const GuestView& guest, Findings& findings)
{
    const auto cpus = masks_of(guest, guest.vcpus);
    if (cpus.empty()) {
        return;
    }
    const auto& host = *guest.host;
    const auto nodes = host.nodes_of(cpus);
    for (const auto& address : guest.seen->facts.pci_devices) {
        const auto* const device = host.find_device(address);
        if (device == nullptr || device->nodes.empty() || device->nodes == host.all_nodes() ||
            device->nodes.intersects(nodes)) {
            continue;
        }
        const auto is_near = are_near(host, host.cpus_of(device->nodes), cpus);
        const auto has_cpus = host.cpus_of(device->nodes).intersects(host.usable_cpus());
        if (!is_near && has_cpus) {
            findings.add(Check::pin_device_remote,
                         {.evidence = address + " is local to node " + device->nodes.str() +
                                      ", and its vCPUs are on " + nodes.str(),
                          .automatic = dedicated_fix("device", std::string{"require"})});
            return;
        }
    }
}

void check_kinds(const GuestView& guest, Findings& findings)
{
    const auto& host = *guest.host;
    std::vector<std::string> words;
    auto low_power = false;
    for (const auto& kind : host.kinds) {
        VcpuSet vcpus;
        for (const auto& [vcpu, mask] : guest.masks) {
            if (kind.cpus.includes(mask) && guest.core_of(mask)) {
                vcpus.insert(vcpu);
            }
        }
        if (vcpus.empty() || kind.core_class == CoreClass::uniform) {
            continue;
        }
        const auto* const name = kind.core_class == CoreClass::performance  ? "performance"
                                 : kind.core_class == CoreClass::efficiency ? "efficiency"
                                                                            : "low-power";
        low_power = low_power || kind.core_class == CoreClass::low_power;
        words.push_back(vcpus_text(vcpus) + pluralize(vcpus.size(), " is", " are") + " on " + name +
                        " cores");
    }
    if (words.size() > 1 || low_power) {
        findings.add(Check::pin_core_class_mixed,
                     {.evidence = some_of(words),
                      .automatic = dedicated_fix("cores", std::string{"performance"}),
                      .severity = low_power ? Severity::error : Severity::warning});
    }
}

// Efficiency cores share an L2 in clusters.
void check_clusters(const GuestView& guest, Findings& findings)
{
    const auto& host = *guest.host;
    for (const auto& kind : host.kinds) {
        if (kind.core_class != CoreClass::efficiency || !guest.pinned ||
            !kind.cpus.includes(guest.own)) {
            continue;
        }
        std::vector<std::size_t> sizes;
        std::size_t used = 0;
        for (const auto& cache : host.caches) {
            if (cache.level == 2 && cache.type != Cache::Type::instruction &&
                kind.cpus.includes(cache.cpus)) {
                sizes.push_back(cache.cpus.size());
                used += cache.cpus.intersects(guest.own) ? 1U : 0U;
            }
        }
        const auto needed = parts_needed(sizes, guest.vcpus.size());
        if (used > needed) {
            findings.add(Check::pin_ecore_cluster_split,
                         {.evidence = "its vCPUs are in " + pluralize(used, "cluster") +
                                      " of efficiency cores where " + std::to_string(needed) +
                                      " would do",
                          .automatic = dedicated_fix()});
        }
    }
}

} // namespace

void check_places(const GuestView& guest, Findings& findings)
{
    if (guest.placed) {
        return;
    }
    if (const auto counts = vcpus_by_l3(guest)) {
        check_l3s(guest, *counts, findings);
        check_vcache(guest, *counts, findings);
    }
    check_nodes(guest, findings);
    check_memory_nodes(guest, findings);
    check_device_nodes(guest, findings);
    check_kinds(guest, findings);
    check_clusters(guest, findings);
}

} // namespace virtpind
