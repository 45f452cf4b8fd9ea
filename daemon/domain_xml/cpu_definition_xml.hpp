// SPDX-License-Identifier: LGPL-2.1-or-later
// What a persistent definition says of the guest's CPUs: <vcpu>, <vcpus>, <cpu> and <os><smbios>.
// Pure.
#pragma once

#include "common/model/domain.hpp"
#include "common/model/guest_tuning.hpp"
#include "xml_reader.hpp"

#include <pugixml.hpp>

#include <array>
#include <string_view>

namespace virtpind::host {

// Tunes that are a CPU feature.
struct TuneFeature {
    Tune tune;
    const char* name;
    const char* policy;
};

inline constexpr std::array tune_features{
    TuneFeature{Tune::hide_hypervisor, "hypervisor", "disable"},
    TuneFeature{Tune::topoext, "topoext", "require"},
    TuneFeature{Tune::invtsc, "invtsc", "require"}};

[[nodiscard]] bool has(const pugi::xml_node& element, const char* attribute,
                       std::string_view value);

// <feature name=>, or nothing.
[[nodiscard]] pugi::xml_node feature_of(const pugi::xml_node& cpu, const char* name);

// What a definition says of the guest's CPUs; `facts` are those that parse_domain_xml() read from
// the same element. A list of vCPUs that cannot be read is an error of `reader`.
[[nodiscard]] CpuDefinition read_cpu_definition(Reader& reader, const pugi::xml_node& domain,
                                                const DomainFacts& facts);

} // namespace virtpind::host
