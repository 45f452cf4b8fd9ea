// SPDX-License-Identifier: LGPL-2.1-or-later
// How much of a domain's XML is read: it may come from anybody who may define a domain.
#pragma once

#include <cstddef>

namespace virtpind {

// Bounds of every domain XML text that is read; 4 MiB is libvirt's own limit for a string.
inline constexpr std::size_t domain_xml_bytes_max = 4 * 1024 * 1024;
inline constexpr int domain_xml_depth_max = 64;
inline constexpr std::size_t pci_devices_max = 256;
inline constexpr std::size_t guest_cells_max = 1024;

} // namespace virtpind
