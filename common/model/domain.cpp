// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain.hpp"

#include "common/base/messages.hpp"

namespace virtpind {

namespace {

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

const VcpuSet& ObservedDomain::boot_vcpus() const
{
    return defined_cpus() != nullptr ? defined_cpus()->enabled : facts.vcpus_online;
}

const std::vector<IothreadId>& ObservedDomain::boot_iothreads() const
{
    return definition && definition->iothreads ? *definition->iothreads : facts.iothreads;
}

std::string what_stays_plugged(const ObservedDomain& seen)
{
    const auto& facts = seen.facts;
    const auto more = facts.active() && facts.vcpus_online.size() > seen.boot_vcpus().size();
    return more ? "; vCPUs " + (facts.vcpus_online - seen.boot_vcpus()).str() +
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
                     "; virtpind changes domains of at most " + kib(changed_definition_bytes_max) +
                     ", because every other guest waits while libvirtd writes a definition. "
                     "Shorten it with virsh edit; <description> and the <metadata> of other "
                     "programs are usually the long parts. To give back earlier changes, stop "
                     "the service and run `virtpind restore`."};
}

namespace {

const std::optional<UndoNote> no_note;

} // namespace

const std::optional<UndoNote>& ObservedDomain::running_note() const
{
    return running ? running->note : no_note;
}

const std::optional<UndoNote>& ObservedDomain::definition_note() const
{
    return definition ? definition->note : no_note;
}

std::optional<PinSet> ObservedDomain::running_pins() const
{
    return running ? std::optional{running->pins} : std::nullopt;
}

std::optional<PinSet> ObservedDomain::definition_pins() const
{
    return definition ? std::optional{definition->pins} : std::nullopt;
}

PinSet ObservedDomain::pins_in_force() const
{
    return running ? running->pins : definition ? definition->pins : PinSet{};
}

std::vector<std::vector<VcpuId>> guest_cores(const VcpuSet& vcpus, unsigned threads)
{
    std::vector<std::vector<VcpuId>> cores;
    std::optional<std::uint32_t> last;
    for (const auto vcpu : vcpus) {
        const auto core = raw(vcpu) / threads;
        if (core != last) {
            cores.emplace_back();
            last = core;
        }
        cores.back().push_back(vcpu);
    }
    return cores;
}

} // namespace virtpind
