// SPDX-License-Identifier: LGPL-2.1-or-later
// Which property of org.virtpind1 fills which member, once for every bus library. Pure.
//
// A Reader is a bus library's map of properties: read(name, member) sets the member where the map
// has this name with the type that the member has in org.virtpind1(5), and otherwise leaves it as
// it is: services are older or newer than their clients. It makes texts printable.
#pragma once

#include "facts.hpp"

#include <string>

namespace virtpind::client {

template <class Reader>
[[nodiscard]] Service service_of(const Reader& reader)
{
    Service service;
    reader.read("Version", service.version);
    reader.read("InterfaceVersion", service.interface_version);
    reader.read("State", service.state);
    reader.read("LibvirtURI", service.libvirt_uri);
    reader.read("OnlineCPUs", service.online);
    reader.read("HousekeepingCPUs", service.housekeeping);
    reader.read("PoolCPUs", service.pool);
    reader.read("IsolatedCPUs", service.isolated);
    reader.read("DefaultPolicy", service.default_policy);
    reader.read("Policies", service.policies);
    reader.read("Problems", service.problems);
    return service;
}

template <class Reader>
[[nodiscard]] Guest guest_of(const Reader& reader)
{
    Guest guest;
    reader.read("UUID", guest.uuid);
    reader.read("Name", guest.name);
    reader.read("RunState", guest.run_state);
    reader.read("Policy", guest.policy);
    reader.read("PolicySource", guest.policy_source);
    reader.read("PolicyOptions", guest.options);
    reader.read("OwnPolicies", guest.own);
    reader.read("PinState", guest.pin_state);
    reader.read("VcpuPins", guest.vcpus);
    reader.read("EmulatorCPUs", guest.emulator);
    reader.read("IOThreadPins", guest.iothreads);
    reader.read("NUMANodes", guest.nodes);
    reader.read("LastError", guest.last_error);
    reader.read("LastAppliedUSec", guest.last_applied_usec);
    reader.read("Generation", guest.generation);
    reader.read("Satisfied", guest.satisfied);
    reader.read("Shortfall", guest.shortfall);
    reader.read("Placement", guest.placement);
    reader.read("IsolatedCPUs", guest.isolated);
    reader.read("Holds", guest.holds);
    reader.read("Displaced", guest.displaced);
    reader.read("DisplacedBy", guest.displaced_by);
    return guest;
}

// The UUID in the path of a domain's object, ".../domain/_6695eb01_f6a4_..."; "" of other paths.
[[nodiscard]] std::string uuid_of_path(const std::string& path);

} // namespace virtpind::client
