// SPDX-License-Identifier: LGPL-2.1-or-later
// What <cputune> says vCPU by vCPU beside the pins: <vcpusched>, <cachetune>, <memorytune>, and the
// <monitor>s in the latter two. By libvirt's schema nothing else names vCPUs by number but pins,
// cells and <vcpus>. Pure.
#pragma once

#include "common/model/domain.hpp"
#include "xml_reader.hpp"

#include <pugixml.hpp>

#include <map>
#include <string>

namespace virtpind {

// `keyed` and `realtime` of `cpus`. A list that cannot be read is an error of `reader`.
void read_vcpu_keys(Reader& reader, const pugi::xml_node& domain, CpuDefinition& cpus);

// Gives each vCPU its new number; one that has none is taken out, and an element that names no
// vCPU any more goes.
void renumber_vcpu_keys(pugi::xml_node domain, const std::map<VcpuId, VcpuId>& numbers);

// All <cputune> children named `element` in a row, in the normal form of parts.
[[nodiscard]] std::string read_vcpu_keys_text(const pugi::xml_node& domain, const char* element);

// Makes them say `text` again. Where the same elements are there for other vCPUs, only the lists of
// vCPUs are written.
void revert_vcpu_keys(pugi::xml_node domain, const char* element, const std::string& text);

} // namespace virtpind
