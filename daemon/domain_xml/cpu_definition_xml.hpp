// SPDX-License-Identifier: LGPL-2.1-or-later
// What a persistent definition says of the guest's CPUs: <vcpu>, <vcpus>, <cpu> and <os><smbios>.
// Pure.
#pragma once

#include "common/model/domain.hpp"
#include "xml_reader.hpp"

#include <pugixml.hpp>

#include <string_view>

namespace virtpind {

[[nodiscard]] bool has(const pugi::xml_node& element, const char* attribute,
                       std::string_view value);

// Number, topology and cells of the vCPUs, into `facts`. Errors stay in `reader`.
void read_cpu_facts(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts);

// `facts` are those that read_cpu_facts() read from the same element. A list of vCPUs that cannot
// be read is an error of `reader`. The parts do not have those of the pins.
[[nodiscard]] CpuDefinition read_cpu_definition(Reader& reader, const pugi::xml_node& domain,
                                                const DomainFacts& facts);

} // namespace virtpind
