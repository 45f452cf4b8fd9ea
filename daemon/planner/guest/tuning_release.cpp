// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_release.hpp"

#include "common/model/parts.hpp"

#include <string>
#include <string_view>

namespace virtpind {

namespace {

// Number, shape and numbering of the vCPUs: they belong together.
bool is_of_shape(const PartRow& row)
{
    return row.group == UndoGroup::shape || row.part == DefinitionPart::vcpu_cpuset;
}

// Whether <vcpu> is as it was but for its placement.
bool is_same_but_static(const BeforeImage& before, const CpuDefinition& now)
{
    static constexpr std::string_view by_numad = "placement=\"auto\"";
    auto then = value_of(before.parts, DefinitionPart::vcpu);
    if (const auto at = then.find(by_numad); at != std::string::npos) {
        then.replace(at, by_numad.size(), "placement=\"static\"");
    }
    return then == value_of(now.parts, DefinitionPart::vcpu);
}

bool is_migratable(const CpuDefinition& now)
{
    return value_of(now.parts, DefinitionPart::cpu_migratable) == "on";
}

} // namespace

bool made_static(const BeforeImage& before, const CpuDefinition& now)
{
    return now.placement == "static" &&
           value_of(before.parts, DefinitionPart::vcpu).find("placement=\"auto\"") !=
               std::string::npos &&
           before.is_ours(now.parts, name_of(DefinitionPart::vcpu));
}

DefinitionParts parts_to_release(const Policy& policy, const GuestTuning& tuning,
                                 const BeforeImage& before, const CpuDefinition& now)
{
    auto undo = make_undo(before, now.parts);
    const auto shape_is_ours = has_part(undo.revert, DefinitionPart::cpu_topology);
    const auto overridden = !now.overrides.shape.empty();
    const auto keeps_shape = policy.topology == TopologyChoice::keep || overridden;
    const auto only_static = tuning.static_placement && is_same_but_static(before, now);
    std::erase_if(undo.revert, [&](const auto& entry) {
        const auto* const row = find_part(entry.first);
        if (row == nullptr || (row->part == DefinitionPart::vcpu && only_static)) {
            return true;
        }
        if (is_of_shape(*row)) {
            return !keeps_shape || (policy.vcpus != 0 && !shape_is_ours && !overridden);
        }
        if (row->tune) {
            return tuning.withdraw.contains(row->tune->tune) ||
                   tuning.apply.contains(row->tune->tune);
        }
        // The mode of <cpu>, and that it is there at all, carry the tunes.
        return row->is_pin() || !tuning.apply.empty() ||
               (row->part == DefinitionPart::cpu && !keeps_shape);
    });
    // With a CPU of the host's, libvirt writes it by itself.
    const auto migratable = undo.revert.find(name_of(DefinitionPart::cpu_migratable));
    if (migratable != undo.revert.end() && migratable->second.empty() &&
        !has_part(undo.revert, DefinitionPart::cpu_mode) && is_migratable(now)) {
        undo.revert.erase(migratable);
    }
    return undo.revert;
}

} // namespace virtpind
