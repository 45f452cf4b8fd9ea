// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_release.hpp"

#include "common/model/parts.hpp"

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
    return part.substr(0, 8) == "cputune/" || part == numatune_part || part == iothreadids_part;
}

// Whether <vcpu> is as it was but for its placement.
bool is_same_but_static(const BeforeImage& before, const CpuDefinition& now)
{
    static constexpr std::string_view by_numad = "placement=\"auto\"";
    auto then = value_of(before.parts, "vcpu");
    if (const auto at = then.find(by_numad); at != std::string::npos) {
        then.replace(at, by_numad.size(), "placement=\"static\"");
    }
    return then == value_of(now.parts, "vcpu");
}

bool is_migratable(const CpuDefinition& now)
{
    const auto said = now.parts.find("cpu@migratable");
    return said != now.parts.end() && said->second == "on";
}

} // namespace

bool made_static(const BeforeImage& before, const CpuDefinition& now)
{
    const auto then = before.parts.find("vcpu");
    return now.placement == "static" && then != before.parts.end() &&
           then->second.find("placement=\"auto\"") != std::string::npos &&
           before.is_ours(now.parts, "vcpu");
}

DefinitionParts parts_to_release(const Policy& policy, const GuestTuning& tuning,
                                 const BeforeImage& before, const CpuDefinition& now)
{
    auto undo = make_undo(before, now.parts);
    const auto shape_is_ours = undo.put_back.count("cpu/topology") != 0;
    const auto overridden = !now.overrides.shape.empty();
    const auto keeps_shape = policy.topology == TopologyChoice::keep || overridden;
    const auto only_static = tuning.static_placement && is_same_but_static(before, now);
    std::erase_if(undo.put_back, [&](const auto& entry) {
        const auto& part = entry.first;
        if (part == "vcpu" && only_static) {
            return true;
        }
        if (shape_parts().count(part) != 0 || names_vcpus(part)) {
            return !keeps_shape || (policy.vcpus != 0 && !shape_is_ours && !overridden);
        }
        if (const auto tune = tune_parts().find(part); tune != tune_parts().end()) {
            return tuning.withdraw.count(tune->second) != 0 ||
                   tuning.apply.count(tune->second) != 0;
        }
        // The mode of <cpu>, and that it is there at all, carry the tunes.
        return is_pin(part) || !tuning.apply.empty() || (part == "cpu" && !keeps_shape);
    });
    // With a CPU of the host's, libvirt writes it by itself.
    if (const auto migratable = undo.put_back.find("cpu@migratable");
        migratable != undo.put_back.end() && migratable->second.empty() &&
        undo.put_back.count("cpu@mode") == 0 && is_migratable(now)) {
        undo.put_back.erase(migratable);
    }
    return undo.put_back;
}

} // namespace virtpind
