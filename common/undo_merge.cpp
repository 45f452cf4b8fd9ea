// SPDX-License-Identifier: LGPL-2.1-or-later
#include "undo_merge.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

constexpr const char* numatune_part = "numatune";
constexpr const char* iothreadids_part = "iothreadids";
constexpr std::size_t line_overhead = 64; // of an element and its attributes, roughly

// "" where it is not there.
const std::string& value_of(const DefinitionParts& parts, const std::string& name)
{
    static const std::string absent;
    const auto at = parts.find(name);
    return at != parts.end() ? at->second : absent;
}

void set_value(DefinitionParts& parts, const std::string& name, const std::string& value)
{
    if (value.empty()) {
        parts.erase(name);
    } else {
        parts[name] = value;
    }
}

std::set<std::string> names_in(const DefinitionParts& a, const DefinitionParts& b)
{
    std::set<std::string> names;
    for (const auto* parts : {&a, &b}) {
        for (const auto& [name, value] : *parts) {
            names.insert(name);
        }
    }
    return names;
}

bool is_among(const std::vector<std::string>& values, const std::string& value)
{
    return std::find(values.begin(), values.end(), value) != values.end();
}

std::size_t size_of(const NoteLine& line)
{
    return line.name.size() + line.before.size() + line.ours.size() + line_overhead;
}

// Leaves out the longest, until the rest fits.
void fit(UndoNote& note)
{
    auto lines = lines_of(note);
    std::size_t bytes = note.numatune_xml.size();
    for (const auto& line : lines) {
        bytes += size_of(line);
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const NoteLine& a, const NoteLine& b) { return size_of(a) > size_of(b); });
    for (const auto& line : lines) {
        if (bytes <= UndoNote::bytes_max) {
            return;
        }
        bytes -= size_of(line);
        std::erase_if(note.parts, [&line](const auto& part) {
            return part.second.before == line.before && is_among(part.second.ours, line.ours);
        });
    }
}

// The image as the note has it, for a domain that looks like `now`.
PinSet pins_before(const PinSet& now, const UndoNote& note, const DefinitionParts& only)
{
    DefinitionParts before;
    for (const auto& [name, part] : note.parts) {
        if (only.contains(name)) {
            set_value(before, name, part.before);
        }
    }
    auto from = pins_from(before);
    if (from.numatune) {
        from.numatune->source_xml = note.numatune_xml;
    }
    return with_pin_parts(now, only, from);
}

// Those of the note that `now` has as virtpind wrote them.
DefinitionParts in_force(const UndoNote& note, const DefinitionParts& now)
{
    DefinitionParts ours;
    for (const auto& [name, part] : note.parts) {
        if (is_among(part.ours, value_of(now, name))) {
            ours[name] = value_of(now, name);
        }
    }
    return ours;
}

// Takes what the note knows of the definition and the image does not.
bool take_definition(BeforeImage& image, const ObservedDomain& seen)
{
    if (!seen.config || !seen.config_note) {
        return false;
    }
    const auto now = parts_of(seen);
    const auto is_new = !image.config;
    if (is_new) {
        image.config = seen.config;
        image.parts = now;
        image.vcpus_max = seen.cpus ? std::optional{seen.cpus->vcpus_max} : std::nullopt;
        image.written.clear();
    }
    auto ours = in_force(*seen.config_note, now);
    std::erase_if(ours, [&](const auto& part) { return image.is_ours(now, part.first); });
    if (ours.empty()) {
        return is_new;
    }
    for (const auto& [name, value] : ours) {
        set_value(image.parts, name, seen.config_note->parts.at(name).before);
    }
    image.config =
        with_pin_parts(*image.config, ours, pins_before(*seen.config, *seen.config_note, ours));
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

// Whether the image's live pins are those of this very run.
bool is_of_this_run(const BeforeImage& image, const ObservedDomain& seen, std::string_view boot_id)
{
    return image.live && image.id == seen.facts.id && image.boot_id == boot_id;
}

bool take_run(BeforeImage& image, const ObservedDomain& seen, std::string_view boot_id)
{
    if (!seen.live || !seen.live_note || is_of_this_run(image, seen, boot_id)) {
        return false;
    }
    auto before = pins_before(*seen.live, *seen.live_note);
    if (image.config && pin_parts(before) == pin_parts(*image.config)) {
        return false; // what is given back to a run without an image of its own
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
    if (!image.config || !seen.config || says(seen.live_note) || says(seen.config_note) ||
        is_of_this_run(image, seen, boot_id)) {
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
    image.live = seen.live;
    if (seen.live && seen.live_note) {
        image.live = pins_before(*seen.live, *seen.live_note);
    }
    image.config = seen.config;
    image.parts = parts_of(seen);
    image.vcpus_max = seen.cpus ? std::optional{seen.cpus->vcpus_max} : std::nullopt;
    return image;
}

// The running domain's pins, once `actions` are done.
PinSet pins_after(PinSet pins, const std::vector<LiveAction>& actions)
{
    for (const auto& action : actions) {
        if (const auto* vcpu = std::get_if<PinVcpu>(&action)) {
            pins.vcpus[vcpu->vcpu] = vcpu->cpus;
        } else if (const auto* iothread = std::get_if<PinIothread>(&action)) {
            pins.iothreads[iothread->iothread] = iothread->cpus;
        } else if (const auto* emulator = std::get_if<PinEmulator>(&action)) {
            pins.emulator = emulator->cpus;
        } else if (const auto* numa = std::get_if<SetNuma>(&action)) {
            auto cells = pins.numatune ? pins.numatune->cells : decltype(NumaTune::cells){};
            pins.numatune = numa->numatune;
            pins.numatune->cells = std::move(cells);
        }
    }
    return pins;
}

// What the note of a running domain has to say that had the pins `before` and has `now`.
UndoNote run_note(const PinSet& before, const PinSet& now)
{
    UndoNote note;
    auto then = pin_parts(before);
    auto next = pin_parts(now);
    for (auto* parts : {&then, &next}) {
        parts->erase(iothreadids_part); // how a definition is written, and no pin
    }
    for (const auto& name : names_in(then, next)) {
        if (value_of(then, name) != value_of(next, name)) {
            note.parts[name] = {.before = value_of(then, name), .ours = {value_of(next, name)}};
        }
    }
    if (note.parts.contains(numatune_part) && before.numatune) {
        note.numatune_xml = before.numatune->source_xml;
    }
    fit(note);
    return note;
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
    if (!seen.live || !then) {
        return;
    }
    auto wanted = run_note(*then, pins_after(*seen.live, actions.live));
    if (covers(seen.live_note, wanted)) {
        return;
    }
    if (seen.live_note) {
        wanted =
            with_former(std::move(wanted), still_in_force(*seen.live_note, pin_parts(*seen.live)));
    }
    actions.live_note = std::move(wanted);
}

} // namespace

std::vector<NoteLine> lines_of(const UndoNote& note)
{
    // By what they say and the word in front of the number.
    std::map<std::tuple<std::string, std::string, std::string>, VcpuSet> numbered;
    std::vector<NoteLine> lines;
    for (const auto& [name, part] : note.parts) {
        const auto colon = name.find(':');
        const auto ids = colon != std::string::npos && name.compare(0, 8, "cputune/") == 0
                             ? VcpuSet::parse(std::string_view{name}.substr(colon + 1))
                             : Result<VcpuSet>{VcpuSet{}};
        for (const auto& ours : part.ours) {
            if (ids && !ids->empty()) {
                numbered[{name.substr(0, colon + 1), part.before, ours}] |= *ids;
            } else {
                lines.push_back({.name = name, .before = part.before, .ours = ours});
            }
        }
    }
    for (const auto& [what, ids] : numbered) {
        const auto& [word, before, ours] = what;
        lines.push_back({.name = word + ids.str(), .before = before, .ours = ours});
    }
    return lines;
}

PinSet pins_before(const PinSet& now, const UndoNote& note)
{
    const auto parts = pin_parts(now);
    auto ours = in_force(note, parts);
    // libvirt makes more of a running domain's memory than it is told.
    if (note.parts.contains(numatune_part) && parts.contains(numatune_part)) {
        ours.emplace(numatune_part, parts.at(numatune_part));
    }
    return pins_before(now, note, ours);
}

UndoNote note_of(const BeforeImage& before, const DefinitionParts& now)
{
    UndoNote note;
    for (const auto& one : before.written) {
        for (const auto& [name, ours] : one) {
            const auto& then = value_of(before.parts, name);
            if (value_of(now, name) == ours && then != ours) {
                note.parts[name] = {.before = then, .ours = {ours}};
            }
        }
    }
    if (note.parts.contains(numatune_part) && before.config && before.config->numatune) {
        note.numatune_xml = before.config->numatune->source_xml;
    }
    fit(note);
    return note;
}

bool covers(const std::optional<UndoNote>& note, const UndoNote& wanted)
{
    if (wanted.empty()) {
        return true;
    }
    const auto has = [&note](const auto& part) {
        const auto at = note->parts.find(part.first);
        return at != note->parts.end() && at->second.before == part.second.before &&
               is_among(at->second.ours, part.second.ours.front());
    };
    return note && std::all_of(wanted.parts.begin(), wanted.parts.end(), has) &&
           (wanted.numatune_xml.empty() || wanted.numatune_xml == note->numatune_xml);
}

UndoNote with_former(UndoNote note, const UndoNote& former)
{
    for (auto& [name, part] : note.parts) {
        const auto at = former.parts.find(name);
        if (at == former.parts.end() || at->second.before != part.before) {
            continue;
        }
        for (const auto& ours : at->second.ours) {
            if (!is_among(part.ours, ours) && part.ours.size() < UndoNote::ours_max) {
                part.ours.push_back(ours);
            }
        }
    }
    return note;
}

void add_notes(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
               std::string_view boot_id)
{
    note_run(actions, seen, before, boot_id);
    if (!seen.config) {
        return;
    }
    if (!actions.definition && !covers(seen.config_note, note_of(before, parts_of(seen)))) {
        actions.definition.emplace();
        actions.definition->planned_on = parts_of(seen);
    }
    if (actions.definition) {
        actions.definition->note = DefinitionChange::Note::renew;
    }
}

void remove_notes(DomainActions& actions, const ObservedDomain& seen, bool live_too)
{
    if (live_too && seen.live) {
        if (seen.live_note) {
            actions.live_note = UndoNote{};
        }
        actions.drop_live_policy = seen.live_policy && seen.config && !seen.facts.metadata.content;
    }
    if (!seen.config || !seen.config_note) {
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
    if ((!seen.live && !seen.config) || seen.facts.in_transit) {
        return {.image = std::move(known)};
    }
    if (!known) {
        if (!says(seen.live_note) && !says(seen.config_note)) {
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
