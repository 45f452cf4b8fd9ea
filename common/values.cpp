// SPDX-License-Identifier: LGPL-2.1-or-later
// The few functions of the value headers domain, plan, action and control.
#include "action.hpp"
#include "control.hpp"
#include "domain.hpp"
#include "parts.hpp"
#include "plan.hpp"
#include "words.hpp"

#include <algorithm>
#include <sstream>

namespace virtpind {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

bool is_narrow(const CpuSet& pin, const CpuSet& online)
{
    return !pin.includes(online);
}

} // namespace

std::string_view to_string(RunState state)
{
    switch (state) {
    case RunState::shutoff:
        return "shutoff";
    case RunState::running:
        return "running";
    case RunState::paused:
        return "paused";
    case RunState::crashed:
        return "crashed";
    case RunState::other:
        return "other";
    }
    return "other";
}

std::string_view to_string(NumaMode mode)
{
    switch (mode) {
    case NumaMode::strict:
        return "strict";
    case NumaMode::preferred:
        return "preferred";
    case NumaMode::interleave:
        return "interleave";
    case NumaMode::restrictive:
        return "restrictive";
    }
    return "strict";
}

Result<NumaMode> parse_numa_mode(std::string_view word)
{
    Words valid;
    for (const auto mode :
         {NumaMode::strict, NumaMode::preferred, NumaMode::interleave, NumaMode::restrictive}) {
        if (to_string(mode) == word) {
            return mode;
        }
        valid.push_back(to_string(mode));
    }
    return Error{.code = Errc::invalid_argument, .message = unknown_word("NUMA mode", word, valid)};
}

std::string_view to_string(PinState state)
{
    switch (state) {
    case PinState::idle:
        return "idle";
    case PinState::applying:
        return "applying";
    case PinState::pinned:
        return "pinned";
    case PinState::partial:
        return "partial";
    case PinState::failed:
        return "failed";
    case PinState::foreign:
        return "foreign";
    case PinState::held:
        return "held";
    }
    return "idle";
}

CpuSet PinSet::narrow_cpus(const CpuSet& online, const VcpuSet& of_vcpus) const
{
    CpuSet claimed;
    for (const auto vcpu : of_vcpus) {
        const auto own = vcpus.find(vcpu);
        const auto* pin = own != vcpus.end() ? &own->second : vcpu_cpuset ? &*vcpu_cpuset : nullptr;
        if (pin != nullptr && is_narrow(*pin, online)) {
            claimed |= *pin;
        }
    }
    return claimed;
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

std::string passed_through(const DomainFacts& facts)
{
    const auto more = facts.pci_devices.size() + facts.indirect_devices.size();
    if (more == 0) {
        return "";
    }
    const auto name = [](const IndirectDevice& device) {
        switch (device.kind) {
        case IndirectDevice::Kind::mediated:
            return "mediated device " + device.id;
        case IndirectDevice::Kind::vdpa:
            return "vDPA device " + device.id;
        case IndirectDevice::Kind::argument:
            return "the device of QEMU's argument " + device.id;
        }
        return device.id;
    };
    const auto first = facts.pci_devices.empty() ? name(facts.indirect_devices.front())
                       : facts.pci_devices.front().find(':') != std::string::npos
                           ? "PCI device " + facts.pci_devices.front()
                           : "a device of " + facts.pci_devices.front(); // a scenario's
    return first + (more > 1 ? " and " + std::to_string(more - 1) + " more" : "");
}

std::string what_stays_plugged(const DomainFacts& facts)
{
    const auto more = facts.active() && facts.vcpus_online.size() > facts.vcpus_boot.size();
    return more ? "; vCPUs " + (facts.vcpus_online - facts.vcpus_boot).str() +
                      " stay plugged until the next start"
                : "";
}

Result<void> check_definition_size(const DomainFacts& facts)
{
    if (facts.definition_bytes <= changed_definition_bytes_max) {
        return {};
    }
    const auto kib = [](std::size_t bytes) { return std::to_string(bytes / 1024) + " KiB"; };
    return Error{.code = Errc::limits_exceeded,
                 .message =
                     "Its XML has " + kib(facts.definition_bytes) +
                     ", and virtpind changes domains of at most " +
                     kib(changed_definition_bytes_max) +
                     ", since every other guest waits while libvirtd writes that much; "
                     "shorten it with virsh edit (<description> and <metadata> of other "
                     "programs are what is long, as a rule). What virtpind has changed in "
                     "it before, `virtpind restore` gives back while the service is stopped."};
}

DefinitionParts parts_of(const ObservedDomain& seen)
{
    if (seen.cpus) {
        return seen.cpus->parts;
    }
    return seen.config ? pin_parts(*seen.config) : DefinitionParts{};
}

const DomainPlan* Plan::find(const DomainUuid& uuid) const
{
    const auto at = std::find_if(domains.begin(), domains.end(),
                                 [&uuid](const DomainPlan& plan) { return plan.uuid == uuid; });
    return at != domains.end() ? &*at : nullptr;
}

std::string describe(const LiveAction& action)
{
    return std::visit(
        Overloaded{
            [](const PinVcpu& pin) {
                return "pinning vCPU " + std::to_string(raw(pin.vcpu)) + " to " + pin.cpus.str();
            },
            [](const PlugVcpu& plug) { return "plugging vCPU " + std::to_string(raw(plug.vcpu)); },
            [](const UnplugVcpu& unplug) {
                return "unplugging vCPU " + std::to_string(raw(unplug.vcpu));
            },
            [](const PinEmulator& pin) { return "pinning the emulator to " + pin.cpus.str(); },
            [](const PinIothread& pin) {
                return "pinning I/O thread " + std::to_string(raw(pin.iothread)) + " to " +
                       pin.cpus.str();
            },
            [](const SetNuma& set) { return "moving memory to node " + set.numatune.nodes.str(); },
        },
        action);
}

} // namespace virtpind
