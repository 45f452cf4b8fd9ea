// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_release.hpp"

#include <map>
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

const std::map<std::string, Tune, std::less<>>& tune_parts()
{
    static const std::map<std::string, Tune, std::less<>> parts{
        {"cpu/cache", Tune::cache_passthrough}, {"cpu/feature:topoext", Tune::topoext},
        {"cpu/feature:invtsc", Tune::invtsc},   {"cpu@migratable", Tune::no_migrate},
        {"os/smbios", Tune::host_smbios},       {"cpu/feature:hypervisor", Tune::hide_hypervisor}};
    return parts;
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
        if (const auto tune = tune_parts().find(part); tune != tune_parts().end()) {
            return policy.tune.count(tune->second) != 0 || tuning.apply.count(tune->second) != 0;
        }
        // The mode of <cpu>, and that it is there at all, carry the tunes.
        return is_pin(part) || !tuning.apply.empty() || (part == "cpu" && !keeps_shape);
    });
    return undo.put_back;
}

} // namespace virtpind
