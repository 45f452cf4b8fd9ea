// SPDX-License-Identifier: LGPL-2.1-or-later
// The host devices that a domain is given, as its intent names them. Pure.
#pragma once

#include "common/model/plan.hpp"

#include <string>
#include <vector>

namespace virtpind {

// Every device with the nodes that it is local to. A device that is local to every node is local
// to none in particular.
[[nodiscard]] std::vector<IntentDevice> located_devices(const DomainFacts& facts,
                                                        const Topology& topology);

// Names of the devices that libvirt and the kernel give to one guest at a time; ascending.
[[nodiscard]] std::vector<std::string> exclusive_devices(const DomainFacts& facts);

// Whether both are given one of these.
[[nodiscard]] bool share_a_device(const Intent& a, const Intent& b);

// Adds the reason that names what placement=auto chose, and why.
void explain_auto(const DomainFacts& facts, const Policy& policy, Reasons& why);

// Adds a reason for each of `addresses` that the host does not have: its locality is unknown.
void name_unknown_devices(const std::vector<std::string>& addresses, const Topology& topology,
                          Reasons& why);

} // namespace virtpind
