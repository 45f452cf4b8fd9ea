// SPDX-License-Identifier: LGPL-2.1-or-later
// Domain XML to values. Pure. The text may come from anybody who may define a domain, or from a
// file: everything is bounded, and nothing in it can do more than cause an error.
#pragma once

#include "common/domain.hpp"
#include "common/policy.hpp"
#include "common/result.hpp"

#include <string>
#include <string_view>

namespace virtpind::host {

// Bounds of every domain XML text that is read; 4 MiB is libvirt's own limit for a string.
inline constexpr std::size_t domain_xml_bytes_max = 4 * 1024 * 1024;
inline constexpr int domain_xml_depth_max = 64;
inline constexpr std::size_t pci_devices_max = 256;
inline constexpr std::size_t guest_cells_max = 1024;

enum class XmlKind {
    config, // a definition: virDomainGetXMLDesc(INACTIVE), or a file
    live,   // virDomainGetXMLDesc(0): of a running domain, or a definition where it has no id
};

// One text gives one side: `kind` decides whether its pins become `live` or `config`. The id is
// that of <domain id=>, the state follows from it, and vcpus_online and vcpus_boot are the same; an
// observer that has both texts joins them. A missing <uuid> (files only) gives an empty one.
// A policy element that cannot be read is no error but facts.metadata's content.
// Errors: invalid_argument naming element, attribute and value; limits_exceeded.
[[nodiscard]] Result<ObservedDomain> parse_domain_xml(std::string_view text,
                                                      const PolicyCatalog& catalog, XmlKind kind);

} // namespace virtpind::host
