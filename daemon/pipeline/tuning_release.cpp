// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_release.hpp"

#include <set>
#include <string>
#include <string_view>

namespace virtpind {

namespace {

// Number, shape and numbering of the vCPUs: they belong together.
const std::set<std::string, std::less<>>& shape_parts()
{
    static const std::set<std::string, std::less<>> parts{"vcpu", "vcpus", "vcpu@cpuset",
                                                          "cpu/topology", "cpu/numa"};
    return parts;
}

std::optional<Tune> tune_of(std::string_view part)
{
    if (part == "cpu/cache") {
        return Tune::cache_passthrough;
    }
    if (part == "cpu/feature:topoext") {
        return Tune::topoext;
    }
    if (part == "cpu/feature:invtsc") {
        return Tune::invtsc;
    }
    if (part == "cpu@migratable") {
        return Tune::no_migrate;
    }
    if (part == "cpu/feature:hypervisor") {
        return Tune::hide_hypervisor;
    }
    if (part == "os/smbios") {
        return Tune::host_smbios;
    }
    return std::nullopt;
}

bool is_pin(std::string_view part)
{
    return part.substr(0, 8) == "cputune/" || part == "numatune" || part == "iothreadids";
}

} // namespace

DefinitionParts parts_to_release(const Policy& policy, const GuestTuning& tuning,
                                 const BeforeImage& before, const CpuDefinition& now)
{
    auto undo = make_undo(before, now.parts);
    const auto shape_is_ours = undo.put_back.count("cpu/topology") != 0;
    const auto keeps_shape = policy.topology == TopologyChoice::keep;
    std::erase_if(undo.put_back, [&](const auto& entry) {
        const auto& part = entry.first;
        if (shape_parts().count(part) != 0) {
            return !keeps_shape || (policy.vcpus != 0 && !shape_is_ours);
        }
        if (const auto tune = tune_of(part)) {
            return policy.tune.count(*tune) != 0 || tuning.apply.count(*tune) != 0;
        }
        // The mode of <cpu>, and that it is there at all, carry the tunes.
        return is_pin(part) || !tuning.apply.empty() || (part == "cpu" && !keeps_shape);
    });
    return undo.put_back;
}

} // namespace virtpind
