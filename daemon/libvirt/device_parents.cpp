// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device_parents.hpp"

#include "common/base/uuid.hpp"
#include "daemon/domain_xml/argument_devices.hpp"

#include <string>
#include <system_error>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

// The PCI device that `device`, a link in sysfs, is below; "" for none.
std::string pci_device_above(const fs::path& device)
{
    std::error_code error;
    std::string nearest;
    for (const auto& part : fs::canonical(device, error)) {
        auto address = whole_pci_address(part.string());
        nearest = address.empty() ? nearest : address;
    }
    return nearest;
}

// "/dev/vhost-vdpa-0" is a child of the vDPA device that it drives.
fs::path vdpa_device(const std::string& path, const fs::path& root)
{
    const auto name = path.substr(path.find_last_of('/') + 1);
    const auto is_name = name.size() > 11 && name.substr(0, 11) == "vhost-vdpa-" &&
                         name.find_first_not_of("0123456789", 11) == std::string::npos;
    std::error_code error;
    if (is_name) {
        for (fs::directory_iterator at{root / "sys/bus/vdpa/devices", error}, end;
             !error && at != end; at.increment(error)) {
            if (fs::exists(at->path() / name, error)) {
                return at->path();
            }
        }
    }
    return {};
}

} // namespace

void find_parents(DomainFacts& facts, const fs::path& root)
{
    for (auto& device : facts.indirect_devices) {
        if (device.kind == IndirectDevice::Kind::mediated) {
            const auto uuid = parse_uuid(device.id);
            device.parent =
                uuid ? pci_device_above(root / "sys/bus/mdev/devices" / uuid->str()) : "";
        } else if (device.kind == IndirectDevice::Kind::vdpa) {
            const auto path = vdpa_device(device.id, root);
            device.parent = path.empty() ? "" : pci_device_above(path);
        }
    }
}

} // namespace virtpind
