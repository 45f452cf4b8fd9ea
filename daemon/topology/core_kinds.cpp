// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_kinds.hpp"

#include <algorithm>
#include <optional>

namespace virtpind {

namespace {

std::optional<CoreClass> class_of(const std::string& core_type)
{
    if (core_type == "IntelCore") {
        return CoreClass::performance;
    }
    if (core_type == "IntelAtom") {
        return CoreClass::efficiency;
    }
    if (core_type.find("LowPower") != std::string::npos) {
        return CoreClass::low_power;
    }
    return std::nullopt;
}

Kind& kind_for(std::vector<Kind>& kinds, CoreClass core_class, const std::string& name)
{
    const auto at = std::find_if(kinds.begin(), kinds.end(), [core_class](const Kind& kind) {
        return kind.core_class == core_class;
    });
    return at != kinds.end() ? *at
                             : kinds.emplace_back(Kind{.core_class = core_class, .name = name});
}

CpuSet l3_neighbours(const Topology& topology, const CpuSet& cpus)
{
    CpuSet all;
    for (const auto& l3 : topology.l3s) {
        if (l3.size_bytes > 0 && l3.cpus.intersects(cpus)) {
            all |= l3.cpus;
        }
    }
    return all;
}

// Intel's low-power cores say IntelAtom like the others, but sit outside the L3.
void split_low_power(std::vector<Kind>& kinds, const Topology& topology)
{
    const auto performance = kind_for(kinds, CoreClass::performance, "").cpus;
    auto& efficiency = kind_for(kinds, CoreClass::efficiency, "");
    const auto cluster = l3_neighbours(topology, performance);
    const auto outside = efficiency.cpus - cluster;
    if (cluster.empty() || outside.empty()) {
        return;
    }
    efficiency.cpus -= outside;
    const auto name = efficiency.name;
    kind_for(kinds, CoreClass::low_power, name).cpus |= outside;
}

// The kinds of a hybrid host, or none with a reason in `doubt`.
std::vector<Kind> hybrid_kinds(const Topology& topology, const std::vector<KindHint>& hints,
                               std::string& doubt)
{
    std::vector<Kind> kinds;
    CpuSet told;
    for (const auto& hint : hints) {
        if (const auto core_class = class_of(hint.core_type)) {
            kind_for(kinds, *core_class, hint.core_type).cpus |= hint.cpus;
            told |= hint.cpus;
        }
    }
    if (kinds.empty() && hints.size() > 1) {
        doubt = "Some CPUs differ in frequency or capacity, but the host does not report their "
                "core types.";
    }
    if (kinds.size() < 2) {
        return {};
    }
    if (const auto untold = topology.online_cpus() - told; !untold.empty()) {
        doubt =
            "The host reports the core types of other CPUs, but not of CPUs " + untold.str() + ".";
        return {};
    }
    split_low_power(kinds, topology);
    kinds.erase(std::remove_if(kinds.begin(), kinds.end(),
                               [](const Kind& kind) { return kind.cpus.empty(); }),
                kinds.end());
    return kinds;
}

void assign_kinds(Topology& topology)
{
    std::sort(topology.kinds.begin(), topology.kinds.end(),
              [](const Kind& a, const Kind& b) { return a.cpus.front() < b.cpus.front(); });
    for (auto& core : topology.cores) {
        // Offline CPUs are of their siblings' kind, or of the first.
        for (std::uint32_t i = 0; i < topology.kinds.size(); ++i) {
            if (topology.kinds[i].cpus.intersects(core.cpus)) {
                core.kind = KindIndex{i};
            }
        }
        at_id(topology.kinds, core.kind).cpus |= core.cpus;
    }
    for (auto& cpu : topology.cpus) {
        cpu.kind = at_id(topology.cores, cpu.core).kind;
    }
}

} // namespace

void classify_cores(Topology& topology, const std::vector<KindHint>& hints)
{
    std::string doubt;
    topology.kinds = hybrid_kinds(topology, hints, doubt);
    if (!doubt.empty()) {
        topology.warnings.push_back(doubt + " virtpind treats all cores alike.");
    }
    if (topology.kinds.empty()) {
        topology.kinds.push_back(Kind{.cpus = topology.all_cpus()});
    }
    assign_kinds(topology);
}

} // namespace virtpind
