// SPDX-License-Identifier: LGPL-2.1-or-later
// What <cputune> says vCPU by vCPU beside the pins: <vcpusched>, <cachetune>, <memorytune>, and the
// <monitor>s in the latter two. By libvirt's schema nothing else names vCPUs by number but pins,
// cells and <vcpus>. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "xml_reader.hpp"

#include <pugixml.hpp>

#include <map>

namespace virtpind::host {

// `keyed` and `realtime` of `cpus`. A list that cannot be read is an error of `reader`.
void read_vcpu_keys(Reader& reader, const pugi::xml_node& domain, CpuDefinition& cpus);

// Gives each vCPU its new number; one that has none is taken out, and an element that names no
// vCPU any more goes.
void renumber_vcpu_keys(pugi::xml_node domain, const std::map<VcpuId, VcpuId>& numbers);

// Part "cputune/vcpusched" and so on, where there is such an element: all of them in a row.
void read_vcpu_key_parts(const pugi::xml_node& domain, DefinitionParts& parts);
void put_back_vcpu_keys(pugi::xml_node domain, const DefinitionParts& parts);

} // namespace virtpind::host
