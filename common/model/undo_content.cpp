// SPDX-License-Identifier: LGPL-2.1-or-later
#include "undo_content.hpp"

#include "parts.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

namespace virtpind {

namespace {

constexpr std::size_t line_overhead = 64; // of an element and its attributes, roughly

bool is_among(const std::vector<std::string>& values, const std::string& value)
{
    return std::find(values.begin(), values.end(), value) != values.end();
}

std::size_t size_of(const NoteLine& line, const UndoNote& note)
{
    return line.name.size() + line.before.size() + line.ours.size() + line_overhead +
           (is_part(line.name, DefinitionPart::numatune) ? note.numatune_xml.size() : 0);
}

bool names_memory(const UndoNote& note)
{
    return note.parts.contains(name_of(DefinitionPart::numatune));
}

// Whether a line is about the part `name`, alone or with others.
bool names(const NoteLine& line, const std::string& name)
{
    if (line.name == name) {
        return true;
    }
    const auto all = parse_thread_pins(line.name);
    const auto one = parse_thread_pins(name);
    return all && one && all->part == one->part && all->threads.includes(one->threads);
}

// Leaves out the longest, until the rest fits.
void fit(UndoNote& note)
{
    auto lines = lines_of(note);
    std::size_t bytes = 0;
    for (const auto& line : lines) {
        bytes += size_of(line, note);
    }
    std::stable_sort(lines.begin(), lines.end(), [&note](const NoteLine& a, const NoteLine& b) {
        return size_of(a, note) > size_of(b, note);
    });
    for (const auto& line : lines) {
        if (bytes <= UndoNote::bytes_max) {
            return;
        }
        bytes -= size_of(line, note);
        std::erase_if(note.parts, [&line](const auto& part) {
            return names(line, part.first) && part.second.before == line.before &&
                   is_among(part.second.ours, line.ours);
        });
        if (!names_memory(note)) {
            note.numatune_xml.clear();
        }
    }
}

} // namespace

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

UndoNote run_note(const PinSet& before, const PinSet& now)
{
    UndoNote note;
    auto then = pin_parts(before);
    auto next = pin_parts(now);
    for (auto* parts : {&then, &next}) {
        parts->erase(
            name_of(DefinitionPart::iothreadids)); // how a definition is written, and no pin
    }
    for (const auto& name : names_in({&then, &next})) {
        if (value_of(then, name) != value_of(next, name)) {
            note.parts[name] = {.before = value_of(then, name), .ours = {value_of(next, name)}};
        }
    }
    if (names_memory(note) && before.numatune) {
        note.numatune_xml = before.numatune->source_xml;
    }
    fit(note);
    return note;
}

std::vector<NoteLine> lines_of(const UndoNote& note)
{
    // By what they are and say.
    std::map<std::tuple<std::string, std::string, std::string>, ThreadPins> alike;
    std::vector<NoteLine> lines;
    for (const auto& [name, part] : note.parts) {
        const auto pins = parse_thread_pins(name);
        for (const auto& ours : part.ours) {
            if (pins) {
                auto [at, is_new] =
                    alike.try_emplace({row_of(pins->part).name, part.before, ours}, *pins);
                at->second.threads |= pins->threads;
            } else {
                lines.push_back({.name = name, .before = part.before, .ours = ours});
            }
        }
    }
    for (const auto& [what, pins] : alike) {
        const auto& [kind, before, ours] = what;
        lines.push_back({.name = name_of(pins), .before = before, .ours = ours});
    }
    return lines;
}

PinSet pins_before(const PinSet& now, const UndoNote& note)
{
    const auto parts = pin_parts(now);
    auto ours = in_force(note, parts);
    // libvirt makes more of a running domain's memory than it is told.
    if (names_memory(note) && has_part(parts, DefinitionPart::numatune)) {
        ours.emplace(name_of(DefinitionPart::numatune), value_of(parts, DefinitionPart::numatune));
    }
    return pins_before(now, note, ours);
}

PinSet pins_before_run(const PinSet& now, const UndoNote& note)
{
    DefinitionParts named;
    for (const auto& [name, part] : note.parts) {
        named.emplace(name, "");
    }
    return pins_before(now, note, named);
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
    if (names_memory(note) && before.config && before.config->numatune) {
        note.numatune_xml = before.config->numatune->source_xml;
    }
    fit(note);
    return note;
}

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

UndoNote note_of_new_run(const ObservedDomain& defined, const PinSet& now,
                         const std::vector<LiveAction>& pins)
{
    const auto former = defined.definition_note().value_or(UndoNote{});
    auto note = run_note(pins_before(defined.definition->pins, former), now);
    const auto ours = pin_parts(pins_after({}, pins));
    const auto is = pin_parts(now);
    // What else differs from the definition is as somebody else has pinned it. libvirt makes more
    // of a running domain's memory than it is told.
    std::erase_if(note.parts, [&](const auto& part) {
        const auto& name = part.first;
        const auto landed = ours.contains(name) && (is_part(name, DefinitionPart::numatune) ||
                                                    value_of(ours, name) == value_of(is, name));
        return !landed && !former.parts.contains(name);
    });
    if (!names_memory(note)) {
        note.numatune_xml.clear();
    }
    return with_former(std::move(note), former);
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

} // namespace virtpind
