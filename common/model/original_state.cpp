// SPDX-License-Identifier: LGPL-2.1-or-later
#include "original_state.hpp"

#include "parts.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace virtpind {

namespace {

bool holds(const DefinitionParts& written, const DefinitionParts& now)
{
    return std::all_of(written.begin(), written.end(), [&now](const auto& part) {
        return value_of(now, part.first) == part.second;
    });
}

UndoGroup group_of(const std::string& name, const std::string& value)
{
    const auto* const row = find_part(name);
    if (row == nullptr) {
        return UndoGroup::none;
    }
    // Memory that is bound cell by cell needs those cells; only then has it a colon.
    const auto binds_cells =
        row->part == DefinitionPart::numatune && value.find(':') != std::string::npos;
    return binds_cells ? UndoGroup::shape : row->group;
}

} // namespace

void BeforeImage::note_written(const DefinitionParts& now, const DefinitionParts& next)
{
    DefinitionParts ours;
    for (const auto& earlier : written) {
        for (const auto& [part, value] : earlier) {
            if (value_of(next, part) == value) {
                ours[part] = value;
            }
        }
    }
    for (const auto& part : names_in({&now, &next})) {
        if (value_of(now, part) != value_of(next, part)) {
            ours[part] = value_of(next, part);
        }
    }
    // All that may be in force, not one of them: of two that fit, the first may say less.
    const auto fits = [&now](const auto& one) { return holds(one, now); };
    if (std::any_of(written.begin(), written.end(), fits)) {
        std::erase_if(written, [&fits](const auto& one) { return !fits(one); });
    }
    if (ours.empty() || std::find(written.begin(), written.end(), ours) != written.end()) {
        return;
    }
    if (written.size() == written_max) {
        written.erase(written.begin());
    }
    written.push_back(std::move(ours));
}

void BeforeImage::absorb_foreign_edits(const ObservedDomain& now, const DefinitionParts& next)
{
    const auto says = parts_of(now);
    DefinitionParts edited;
    for (const auto& part : names_in({&says, &next})) {
        const auto& value = value_of(says, part);
        const auto was_ours = std::any_of(written.begin(), written.end(), [&part](const auto& one) {
            return one.count(part) != 0;
        });
        if (!was_ours && value != value_of(next, part) && value != value_of(parts, part)) {
            edited[part] = value;
        }
    }
    for (const auto& [part, value] : edited) {
        if (value.empty()) {
            parts.erase(part);
        } else {
            parts[part] = value;
        }
    }
    if (config && now.definition) {
        config = with_pin_parts(std::move(*config), edited, now.definition->pins);
    }
    if (now.defined_cpus() && has_part(edited, DefinitionPart::vcpu)) {
        vcpus_max = now.defined_cpus()->vcpus_max;
    }
}

std::optional<PinSet> BeforeImage::pins_for(std::optional<int> now, std::string_view boot) const
{
    return live && id == now && boot_id == boot ? live : config;
}

void BeforeImage::forget_run()
{
    id.reset();
    live.reset();
}

bool BeforeImage::is_ours(const DefinitionParts& now, const std::string& part) const
{
    return std::any_of(written.begin(), written.end(), [&](const DefinitionParts& one) {
        const auto at = one.find(part);
        return at != one.end() && at->second == value_of(now, part);
    });
}

Undo make_undo(const BeforeImage& before, const DefinitionParts& now)
{
    Undo undo;
    std::map<UndoGroup, std::string> edited; // the first part of it that is somebody else's
    for (const auto& name : names_in({&before.parts, &now})) {
        const auto& then = value_of(before.parts, name);
        if (then == value_of(now, name)) {
            continue;
        }
        if (before.is_ours(now, name)) {
            undo.revert[name] = then;
        } else {
            undo.not_reverted.push_back(name);
            edited.emplace(
                names_vcpus(name) ? UndoGroup::none : group_of(name, value_of(now, name)), name);
        }
    }
    // What names vCPUs by number suits the numbering that it was made for.
    const auto renumbers = changes_numbering(undo.revert);
    const auto keyed = std::find_if(undo.not_reverted.begin(), undo.not_reverted.end(),
                                    [](const std::string& part) { return names_vcpus(part); });
    if (renumbers && keyed != undo.not_reverted.end()) {
        edited.emplace(UndoGroup::shape, *keyed);
    }
    edited.erase(UndoGroup::none);
    std::erase_if(undo.revert, [&](const auto& part) {
        // As it would become, and as it is: either may bind cells.
        auto of = edited.find(group_of(part.first, part.second));
        of = of != edited.end() ? of : edited.find(group_of(part.first, value_of(now, part.first)));
        if (of != edited.end()) {
            undo.not_reverted.push_back(part.first + " (goes with " + of->second + ")");
        }
        return of != edited.end();
    });
    return undo;
}

} // namespace virtpind
