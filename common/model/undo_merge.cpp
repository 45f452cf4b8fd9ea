// SPDX-License-Identifier: LGPL-2.1-or-later
#include "undo_merge.hpp"

#include "parts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// Takes what the note knows of the definition and the image does not.
bool take_definition(BeforeImage& image, const ObservedDomain& seen)
{
    if (!seen.definition || !seen.definition_note()) {
        return false;
    }
    const auto now = parts_of(seen);
    const auto is_new = !image.config;
    if (is_new) {
        image.config = seen.definition_pins();
        image.parts = now;
        image.vcpus_max =
            seen.defined_cpus() ? std::optional{seen.defined_cpus()->vcpus_max} : std::nullopt;
        image.written.clear();
    }
    auto ours = in_force(*seen.definition_note(), now);
    std::erase_if(ours, [&](const auto& part) { return image.is_ours(now, part.first); });
    if (ours.empty()) {
        return is_new;
    }
    for (const auto& [name, value] : ours) {
        set_value(image.parts, name, seen.definition_note()->parts.at(name).before);
    }
    image.config = with_pin_parts(
        *image.config, ours, pins_before(seen.definition->pins, *seen.definition_note(), ours));
    for (const auto& [name, value] : now) {
        if (image.is_ours(now, name)) {
            ours[name] = value;
        }
    }
    if (image.written.size() == BeforeImage::written_max) {
        image.written.erase(image.written.begin());
    }
    image.written.push_back(std::move(ours));
    return true;
}

// Whether the note tells of other former pins than these: then they are of another run.
bool contradicts(const UndoNote& note, const PinSet& live)
{
    auto said = pin_parts(pins_before_run(live, note));
    auto known = pin_parts(live);
    for (auto* parts : {&said, &known}) {
        parts->erase(name_of(DefinitionPart::iothreadids)); // how a definition is written
    }
    return said != known;
}

bool has_id_of_this_run(const BeforeImage& image, const ObservedDomain& seen,
                        std::string_view boot_id)
{
    return image.live && image.id == seen.facts.id && image.boot_id == boot_id;
}

// Whether the image's live pins are those of this very run. libvirt may have given its id to a
// former one in the same boot. What such a run has of virtpind's it has from its definition, with
// the note of that; and virtpind writes no pin whose former value the run's note does not tell.
bool is_of_this_run(const BeforeImage& image, const ObservedDomain& seen, std::string_view boot_id)
{
    return has_id_of_this_run(image, seen, boot_id) &&
           !(seen.running_note() && contradicts(*seen.running_note(), *image.live));
}

bool take_run(BeforeImage& image, const ObservedDomain& seen, std::string_view boot_id)
{
    if (!seen.running || !seen.running_note() || is_of_this_run(image, seen, boot_id)) {
        return false;
    }
    auto before = pins_before_run(seen.running->pins, *seen.running_note());
    if (image.config && pin_parts(before) == pin_parts(*image.config)) {
        // What is given back to a run without an image of its own.
        const auto has_former = has_id_of_this_run(image, seen, boot_id);
        if (has_former) {
            image.forget_run();
        }
        return has_former;
    }
    image.live = std::move(before);
    image.id = seen.facts.id;
    image.boot_id = boot_id;
    return true;
}

bool says(const std::optional<UndoNote>& note)
{
    return note && !note->empty();
}

// Nothing of the domain is ours any more, as far as anybody knows.
bool is_of_another(const BeforeImage& image, const ObservedDomain& seen, std::string_view boot_id)
{
    if (!image.config || !seen.definition || says(seen.running_note()) ||
        says(seen.definition_note()) || is_of_this_run(image, seen, boot_id)) {
        return false;
    }
    const auto now = parts_of(seen);
    return std::none_of(image.written.begin(), image.written.end(), [&now](const auto& one) {
        return std::any_of(one.begin(), one.end(), [&now](const auto& part) {
            return value_of(now, part.first) == part.second;
        });
    });
}

BeforeImage blank_image(const ObservedDomain& seen, std::string_view boot_id)
{
    BeforeImage image;
    image.uuid = seen.facts.uuid;
    image.name = seen.facts.name;
    image.id = seen.facts.id;
    image.boot_id = boot_id;
    image.live = seen.running_pins();
    if (seen.running && seen.running_note()) {
        image.live = pins_before_run(seen.running->pins, *seen.running_note());
    }
    image.config = seen.definition_pins();
    image.parts = parts_of(seen);
    image.vcpus_max =
        seen.defined_cpus() ? std::optional{seen.defined_cpus()->vcpus_max} : std::nullopt;
    return image;
}

// Those of `former` that are in force until the call that changes them.
UndoNote still_in_force(UndoNote former, const DefinitionParts& now)
{
    for (auto& [name, part] : former.parts) {
        std::erase_if(part.ours,
                      [&, &of = name](const auto& ours) { return ours != value_of(now, of); });
    }
    return former;
}

void note_run(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
              std::string_view boot_id)
{
    const auto then = before.pins_for(seen.facts.id, boot_id);
    if (!seen.running || !then) {
        return;
    }
    auto wanted = run_note(*then, pins_after(seen.running->pins, actions.live));
    if (covers(seen.running_note(), wanted)) {
        return;
    }
    if (seen.running_note()) {
        wanted = with_former(std::move(wanted),
                             still_in_force(*seen.running_note(), pin_parts(seen.running->pins)));
    }
    actions.live_note = std::move(wanted);
}

} // namespace

void add_notes(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
               std::string_view boot_id)
{
    note_run(actions, seen, before, boot_id);
    if (!seen.definition) {
        return;
    }
    if (!actions.definition && !covers(seen.definition_note(), note_of(before, parts_of(seen)))) {
        actions.definition.emplace();
        actions.definition->planned_on = parts_of(seen);
    }
    if (actions.definition) {
        actions.definition->note = DefinitionChange::Note::renew;
    }
}

void remove_notes(DomainActions& actions, const ObservedDomain& seen, bool live_too)
{
    if (live_too && seen.running) {
        if (seen.running_note()) {
            actions.live_note = UndoNote{};
        }
        actions.drop_live_policy =
            seen.running->has_policy && seen.definition && !seen.facts.metadata.content;
    }
    if (!seen.definition || !seen.definition_note()) {
        return;
    }
    if (!actions.definition) {
        actions.definition.emplace();
        actions.definition->planned_on = parts_of(seen);
    }
    actions.definition->note = DefinitionChange::Note::remove;
}

KnownUndo merge_undo(std::optional<BeforeImage> known, const ObservedDomain& seen,
                     std::string_view boot_id)
{
    // Of one that cannot be read nothing is known, and one that arrives is not all there yet.
    if ((!seen.running && !seen.definition) || seen.facts.job_active) {
        return {.image = std::move(known)};
    }
    if (!known) {
        if (!says(seen.running_note()) && !says(seen.definition_note())) {
            return {};
        }
        auto image = blank_image(seen, boot_id);
        take_definition(image, seen);
        return {.image = std::move(image), .changed = true};
    }
    if (is_of_another(*known, seen, boot_id)) {
        return {.image = std::nullopt, .changed = true};
    }
    const auto definition = take_definition(*known, seen);
    const auto run = take_run(*known, seen, boot_id);
    return {.image = std::move(known), .changed = definition || run};
}

} // namespace virtpind
