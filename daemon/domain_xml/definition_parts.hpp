// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a definition that virtpind may change, each by itself, so that one can be told to be
// ours still and be put back without the others. Pure.
//
//   vcpu                  <vcpu> without cpuset=            vcpus      <vcpus>
//   cpu                   that there is a <cpu> at all      os/smbios  <os><smbios>
//   cpu@mode match check migratable                         attributes of <cpu>
//   cpu/model vendor topology cache numa                    children of <cpu>
//   cpu/feature:NAME      <cpu><feature name=> that a tune stands for
//   cputune/vcpusched cachetune memorytune                  all of the kind, for their vCPUs
#pragma once

#include "common/model/domain.hpp"

#include <pugixml.hpp>

namespace virtpind::host {

// Without those of the pins.
[[nodiscard]] DefinitionParts read_parts(const pugi::xml_node& domain);

// Makes the parts say that again; "" removes one. Names of pins are passed over.
void put_back_parts(pugi::xml_node domain, const DefinitionParts& parts);

} // namespace virtpind::host
