// SPDX-License-Identifier: LGPL-2.1-or-later
// The rule of merge_undo(), for any file, any note and any definition: nothing is given back that
// neither of them knows as virtpind's, the file wins where both speak, and once is enough.
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind::test {
namespace {

constexpr const char* boot = "boot";

std::string part_name(unsigned vcpu)
{
    return "cputune/vcpupin:" + std::to_string(vcpu);
}

// "" is no pin.
std::string any_value()
{
    const auto cpu = *rc::gen::inRange(0, 4);
    return cpu == 0 ? "" : std::to_string(cpu);
}

DefinitionParts any_parts(bool absent_too)
{
    DefinitionParts parts;
    for (unsigned vcpu = 0; vcpu < 3; ++vcpu) {
        const auto value = any_value();
        if (absent_too ? *rc::gen::inRange(0, 2) == 1 : !value.empty()) {
            parts[part_name(vcpu)] = value;
        }
    }
    return parts;
}

UndoNote any_note()
{
    UndoNote note;
    for (const auto& [name, before] : any_parts(true)) {
        note.parts[name] = {.before = before, .ours = {any_value(), any_value()}};
    }
    return note;
}

std::string value_of(const DefinitionParts& parts, const std::string& name)
{
    const auto at = parts.find(name);
    return at != parts.end() ? at->second : "";
}

BeforeImage any_file()
{
    BeforeImage file;
    file.parts = any_parts(false);
    file.config = pins_from(file.parts);
    for (int alternatives = *rc::gen::inRange(0, 4); alternatives > 0; --alternatives) {
        file.written.push_back(any_parts(true));
    }
    return file;
}

RC_GTEST_PROP(UndoMerge, FollowsTheRule, ())
{
    ObservedDomain seen;
    const auto now = any_parts(false);
    seen.definition = {.pins = pins_from(now)};
    const auto has_note = *rc::gen::inRange(0, 3) != 0;
    if (has_note) {
        seen.definition->note = any_note();
    }
    const auto has_file = *rc::gen::inRange(0, 3) != 0;
    const auto file = has_file ? std::optional{any_file()} : std::nullopt;

    const auto known = merge_undo(file, seen, boot);
    const auto again = merge_undo(known.image, seen, boot);
    RC_ASSERT(!again.changed);
    RC_ASSERT(known.changed || known.image.has_value() == has_file);

    const auto undo = known.image ? make_undo(*known.image, now) : Undo{};
    for (unsigned vcpu = 0; vcpu < 3; ++vcpu) {
        const auto name = part_name(vcpu);
        const auto is = value_of(now, name);
        const auto by_file = file && file->is_ours(now, name);
        const auto noted = has_note && seen.definition_note()->parts.contains(name)
                               ? std::optional{seen.definition_note()->parts.at(name)}
                               : std::nullopt;
        const auto by_note = noted && (noted->ours[0] == is || noted->ours[1] == is);
        const auto before = by_file ? value_of(file->parts, name) : by_note ? noted->before : is;
        const auto given = undo.revert.find(name);
        if (before == is) {
            RC_ASSERT(given == undo.revert.end());
        } else {
            RC_ASSERT(given != undo.revert.end());
            RC_ASSERT(given->second == before);
            const auto& pins = known.image->config->vcpus;
            const auto pin = pins.find(VcpuId{vcpu});
            RC_ASSERT((pin != pins.end() ? pin->second.str() : "") == before);
        }
    }
}

// What is noted is what another host makes of it.
RC_GTEST_PROP(UndoMerge, ANoteSaysWhatTheFileSays, ())
{
    const auto file = any_file();
    ObservedDomain seen;
    const auto now = any_parts(false);
    seen.definition = {.pins = pins_from(now)};
    seen.definition->note = note_of(file, now);
    RC_ASSERT(covers(seen.definition_note(), *seen.definition_note()));
    const auto there = merge_undo(std::nullopt, seen, boot);
    const auto undo = there.image ? make_undo(*there.image, now).revert : DefinitionParts{};
    RC_ASSERT(undo == make_undo(file, now).revert);
}

} // namespace
} // namespace virtpind::test
