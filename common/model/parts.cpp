// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parts.hpp"

#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace virtpind {

const std::string& value_of(const DefinitionParts& parts, const std::string& name)
{
    static const std::string absent;
    const auto at = parts.find(name);
    return at != parts.end() ? at->second : absent;
}

const std::string& value_of(const DefinitionParts& parts, DefinitionPart part)
{
    return value_of(parts, name_of(part));
}

bool has_part(const DefinitionParts& parts, DefinitionPart part)
{
    return parts.contains(name_of(part));
}

bool changes_numbering(const DefinitionParts& parts)
{
    return has_part(parts, DefinitionPart::vcpu) || has_part(parts, DefinitionPart::vcpus);
}

void set_value(DefinitionParts& parts, const std::string& name, const std::string& value)
{
    if (value.empty()) {
        parts.erase(name);
    } else {
        parts[name] = value;
    }
}

std::set<std::string> names_in(std::initializer_list<const DefinitionParts*> all)
{
    std::set<std::string> names;
    for (const auto* parts : all) {
        for (const auto& [name, value] : *parts) {
            names.insert(name);
        }
    }
    return names;
}

namespace {

std::string part_of(const NumaTune& tune)
{
    auto text = std::string{to_string(tune.mode)} + " " + tune.nodes.str();
    for (const auto& [cell, nodes] : tune.cells) {
        text += " " + std::to_string(cell) + ":" + nodes.str();
    }
    return text;
}

// Pins of one kind, those of `parts` as `from` has them.
template <class Id>
void take_thread_pins(std::map<Id, CpuSet>& pins, DefinitionPart part, const DefinitionParts& parts,
                      const std::map<Id, CpuSet>& from)
{
    for (const auto& [id, cpus] : from) {
        if (parts.contains(name_of(part, raw(id)))) {
            pins[id] = cpus;
        }
    }
    std::erase_if(pins, [&](const auto& pin) {
        return parts.contains(name_of(part, raw(pin.first))) && !from.contains(pin.first);
    });
}

} // namespace

DefinitionParts pin_parts(const PinSet& pins)
{
    DefinitionParts parts;
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        parts[name_of(DefinitionPart::vcpupin, raw(vcpu))] = cpus.str();
    }
    for (const auto& [iothread, cpus] : pins.iothreads) {
        parts[name_of(DefinitionPart::iothreadpin, raw(iothread))] = cpus.str();
    }
    if (pins.emulator) {
        parts[name_of(DefinitionPart::emulatorpin)] = pins.emulator->str();
    }
    if (pins.numatune) {
        parts[name_of(DefinitionPart::numatune)] = part_of(*pins.numatune);
    }
    if (pins.vcpu_cpuset) {
        parts[name_of(DefinitionPart::vcpu_cpuset)] = pins.vcpu_cpuset->str();
    }
    if (pins.iothreads_listed) {
        parts[name_of(DefinitionPart::iothreadids)] = "listed";
    }
    return parts;
}

PinSet with_pin_parts(PinSet pins, const DefinitionParts& parts, const PinSet& from)
{
    using enum DefinitionPart;
    const auto taken = [&parts](DefinitionPart part) { return has_part(parts, part); };
    take_thread_pins(pins.vcpus, vcpupin, parts, from.vcpus);
    take_thread_pins(pins.iothreads, iothreadpin, parts, from.iothreads);
    pins.emulator = taken(emulatorpin) ? from.emulator : pins.emulator;
    pins.numatune = taken(numatune) ? from.numatune : pins.numatune;
    pins.vcpu_cpuset = taken(vcpu_cpuset) ? from.vcpu_cpuset : pins.vcpu_cpuset;
    pins.iothreads_listed = taken(iothreadids) ? from.iothreads_listed : pins.iothreads_listed;
    return pins;
}

namespace {

// As part_of() writes it.
std::optional<NumaTune> numatune_from(const std::string& text)
{
    std::istringstream words{text};
    std::string word;
    std::getline(words, word, ' ');
    const auto mode = parse_numa_mode(word);
    if (!mode) {
        return std::nullopt;
    }
    std::getline(words, word, ' ');
    auto nodes = NodeSet::parse(words ? word : "");
    if (!nodes) {
        return std::nullopt;
    }
    NumaTune tune{.mode = *mode, .nodes = std::move(*nodes)};
    while (std::getline(words, word, ' ')) {
        const auto colon = word.find(':');
        const auto cell = VcpuSet::parse(word.substr(0, colon));
        auto of_cell = NodeSet::parse(colon != std::string::npos ? word.substr(colon + 1) : "?");
        if (!cell || cell->size() != 1 || !of_cell) {
            return std::nullopt;
        }
        tune.cells.insert_or_assign(raw(cell->front()), std::move(*of_cell));
    }
    return tune;
}

} // namespace

PinSet pins_from(const DefinitionParts& parts)
{
    PinSet pins;
    for (const auto& [name, value] : parts) {
        const auto* const row = find_part(name);
        if (row == nullptr || !row->is_pin()) {
            continue;
        }
        if (row->part == DefinitionPart::iothreadids) {
            pins.iothreads_listed = !value.empty();
            continue;
        }
        if (row->part == DefinitionPart::numatune) {
            pins.numatune = numatune_from(value);
            continue;
        }
        auto cpus = CpuSet::parse(value);
        if (!cpus || cpus->empty()) {
            continue;
        }
        if (row->part == DefinitionPart::emulatorpin) {
            pins.emulator = std::move(*cpus);
        } else if (row->part == DefinitionPart::vcpu_cpuset) {
            pins.vcpu_cpuset = std::move(*cpus);
        } else if (const auto of = parse_thread_pins(name); of && of->threads.size() == 1) {
            const auto thread = raw(of->threads.front());
            if (of->part == DefinitionPart::vcpupin) {
                pins.vcpus[VcpuId{thread}] = std::move(*cpus);
            } else {
                pins.iothreads[IothreadId{thread}] = std::move(*cpus);
            }
        }
    }
    return pins;
}

DefinitionParts parts_of(const ObservedDomain& seen)
{
    if (seen.defined_cpus()) {
        return seen.defined_cpus()->parts;
    }
    return seen.definition ? pin_parts(seen.definition->pins) : DefinitionParts{};
}

} // namespace virtpind
