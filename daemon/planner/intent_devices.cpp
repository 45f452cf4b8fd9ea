// SPDX-License-Identifier: LGPL-2.1-or-later
#include "intent_devices.hpp"

#include <algorithm>
#include <map>

namespace virtpind {

namespace {

// The functions of each device that the host does not have, by its address without them.
std::map<std::string, std::vector<std::string>>
unknown_devices(const std::vector<std::string>& addresses, const Topology& topology)
{
    std::map<std::string, std::vector<std::string>> unknown;
    for (const auto& address : addresses) {
        if (topology.find_device(address) == nullptr) {
            const auto dot = address.rfind('.');
            const auto function = dot == std::string::npos ? "" : address.substr(dot + 1);
            unknown[address.substr(0, dot)].push_back(function);
        }
    }
    return unknown;
}

// "0000:01:00.0", or "0000:01:00 (functions 0, 1)".
std::string named(const std::string& device, const std::vector<std::string>& functions)
{
    if (functions.size() == 1) {
        return device + (functions.front().empty() ? "" : ".") + functions.front();
    }
    std::string list;
    for (const auto& function : functions) {
        list += (list.empty() ? "" : ", ") + function;
    }
    return device + " (functions " + list + ")";
}

} // namespace

std::vector<IntentDevice> located_devices(const DomainFacts& facts, const Topology& topology)
{
    std::vector<IntentDevice> devices;
    const auto add = [&](const std::string& label, const std::string& address) {
        const auto* device = topology.find_device(address);
        const auto located = device != nullptr && device->nodes.size() < topology.nodes.size();
        devices.push_back({.label = label, .nodes = located ? device->nodes : NodeSet{}});
    };
    for (const auto& address : facts.pci_devices) {
        add(address, address);
    }
    for (const auto& device : facts.indirect_devices) {
        add(device.id, device.parent);
    }
    return devices;
}

std::vector<std::string> exclusive_devices(const DomainFacts& facts)
{
    std::vector<std::string> names;
    for (const auto& address : facts.pci_devices) {
        names.push_back(pci_resource(address));
    }
    for (const auto& device : facts.indirect_devices) {
        if (device.kind == IndirectDevice::Kind::argument) {
            if (!device.parent.empty()) {
                names.push_back(pci_resource(device.parent));
            }
        } else {
            names.push_back(device.id);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

bool share_a_device(const Intent& a, const Intent& b)
{
    return std::any_of(a.exclusive.begin(), a.exclusive.end(), [&b](const std::string& device) {
        return std::binary_search(b.exclusive.begin(), b.exclusive.end(), device);
    });
}

void explain_auto(const DomainFacts& facts, const Policy& policy, Reasons& why)
{
    why.push_back({ReasonCode::auto_chosen,
                   {{"policy", policy.name},
                    {"placement", std::string{to_string(policy.placement)}},
                    {"passed_through", passed_through(facts)}}});
}

void name_unknown_devices(const std::vector<std::string>& addresses, const Topology& topology,
                          Reasons& why)
{
    NameList names;
    for (const auto& [device, functions] : unknown_devices(addresses, topology)) {
        names.push_back(named(device, functions));
    }
    if (topology.devices.empty() && !names.empty()) {
        why.push_back({ReasonCode::device_unknown, {{"devices", std::move(names)}}});
        return;
    }
    for (auto& name : names) {
        why.push_back({ReasonCode::device_unknown, {{"device", std::move(name)}}});
    }
}

} // namespace virtpind
