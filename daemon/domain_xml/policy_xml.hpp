// SPDX-License-Identifier: LGPL-2.1-or-later
// The policy element in a domain's metadata:
//   <virtpind:policy xmlns:virtpind="https://virtpind.org/policy/1" name="dedicated"
//   smt="isolate"/>
#pragma once

#include "common/model/domain.hpp"
#include "common/model/policy.hpp"

#include <pugixml.hpp>

#include <string>

namespace virtpind {

inline constexpr const char* policy_namespace = "https://virtpind.org/policy/1";

// What <metadata> of `domain` says. An element of ours that cannot be read is an error in the
// answer, naming the attribute and the valid values.
[[nodiscard]] MetadataPolicy read_policy_metadata(const pugi::xml_node& domain,
                                                  const PolicyCatalog& catalog);

// The element as virDomainSetMetadata takes it: without prefix and namespace declaration.
[[nodiscard]] std::string format_policy_element(const PolicySpec& policy);

} // namespace virtpind
