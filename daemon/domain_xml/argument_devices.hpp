// SPDX-License-Identifier: LGPL-2.1-or-later
// Devices of the host that an argument of QEMU's hands over: -device vfio-pci and vhost-vdpa,
// -netdev vhost-vdpa, -blockdev nvme. Pure.
#pragma once

#include "common/model/domain.hpp"

#include <pugixml.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// Those with a PCI address are in `pci`.
struct ArgumentDevices {
    std::vector<std::string> pci; // "0000:01:00.0"
    std::vector<IndirectDevice> others;
    bool locks_memory = false; // -overcommit mem-lock=on, -realtime mlock=on
};

[[nodiscard]] ArgumentDevices read_argument_devices(const pugi::xml_node& domain);

// "01:00.0" or "0000:01:00.0" with its domain written out; "" for anything else.
[[nodiscard]] std::string whole_pci_address(std::string_view text);

} // namespace virtpind
