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

constexpr std::string_view vcpupin_part = "cputune/vcpupin:";
constexpr std::string_view iothreadpin_part = "cputune/iothreadpin:";
constexpr const char* emulatorpin_part = "cputune/emulatorpin";
constexpr const char* cpuset_part = "vcpu@cpuset";

template <class Id>
std::string numbered(std::string_view part, Id id)
{
    return std::string{part} + std::to_string(raw(id));
}

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
void take_numbered(std::map<Id, CpuSet>& pins, std::string_view part, const DefinitionParts& parts,
                   const std::map<Id, CpuSet>& from)
{
    for (const auto& [id, cpus] : from) {
        if (parts.count(numbered(part, id)) != 0) {
            pins[id] = cpus;
        }
    }
    std::erase_if(pins, [&](const auto& pin) {
        return parts.count(numbered(part, pin.first)) != 0 && from.count(pin.first) == 0;
    });
}

} // namespace

DefinitionParts pin_parts(const PinSet& pins)
{
    DefinitionParts parts;
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        parts[numbered(vcpupin_part, vcpu)] = cpus.str();
    }
    for (const auto& [iothread, cpus] : pins.iothreads) {
        parts[numbered(iothreadpin_part, iothread)] = cpus.str();
    }
    if (pins.emulator) {
        parts[emulatorpin_part] = pins.emulator->str();
    }
    if (pins.numatune) {
        parts[numatune_part] = part_of(*pins.numatune);
    }
    if (pins.vcpu_cpuset) {
        parts[cpuset_part] = pins.vcpu_cpuset->str();
    }
    if (pins.iothreads_listed) {
        parts[iothreadids_part] = "listed";
    }
    return parts;
}

PinSet with_pin_parts(PinSet pins, const DefinitionParts& parts, const PinSet& from)
{
    const auto taken = [&parts](const char* part) { return parts.contains(part); };
    take_numbered(pins.vcpus, vcpupin_part, parts, from.vcpus);
    take_numbered(pins.iothreads, iothreadpin_part, parts, from.iothreads);
    pins.emulator = taken(emulatorpin_part) ? from.emulator : pins.emulator;
    pins.numatune = taken(numatune_part) ? from.numatune : pins.numatune;
    pins.vcpu_cpuset = taken(cpuset_part) ? from.vcpu_cpuset : pins.vcpu_cpuset;
    pins.iothreads_listed = taken(iothreadids_part) ? from.iothreads_listed : pins.iothreads_listed;
    return pins;
}

namespace {

// The id in "cputune/vcpupin:3".
template <class Id>
std::optional<Id> id_in(const std::string& name, std::string_view part)
{
    if (name.compare(0, part.size(), part) != 0) {
        return std::nullopt;
    }
    const auto ids = IdSet<Id>::parse(std::string_view{name}.substr(part.size()));
    return ids && ids->size() == 1 ? std::optional{ids->front()} : std::nullopt;
}

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
        if (name == iothreadids_part) {
            pins.iothreads_listed = !value.empty();
            continue;
        }
        if (name == numatune_part) {
            pins.numatune = numatune_from(value);
            continue;
        }
        auto cpus = CpuSet::parse(value);
        if (!cpus || cpus->empty()) {
            continue;
        }
        if (const auto vcpu = id_in<VcpuId>(name, vcpupin_part)) {
            pins.vcpus[*vcpu] = std::move(*cpus);
        } else if (const auto iothread = id_in<IothreadId>(name, iothreadpin_part)) {
            pins.iothreads[*iothread] = std::move(*cpus);
        } else if (name == emulatorpin_part) {
            pins.emulator = std::move(*cpus);
        } else if (name == cpuset_part) {
            pins.vcpu_cpuset = std::move(*cpus);
        }
    }
    return pins;
}

DefinitionParts parts_of(const ObservedDomain& seen)
{
    if (seen.cpus) {
        return seen.cpus->parts;
    }
    return seen.config ? pin_parts(*seen.config) : DefinitionParts{};
}

} // namespace virtpind
