// SPDX-License-Identifier: LGPL-2.1-or-later
#include "argument_devices.hpp"

#include "common/base/json_reader.hpp"
#include "common/base/uuid.hpp"
#include "qemu_command_line.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace virtpind {

namespace {

// "key=value" for each member that is a string, so that JSON reads like the rest.
std::vector<std::string> json_settings(const std::string& text)
{
    constexpr JsonLimits limits{.bytes_max = 65536, .depth_max = 8};
    std::vector<std::string> settings;
    const auto document = parse_json(text, "argument", limits);
    if (!document) {
        return settings;
    }
    if (const auto members = document->root().as_object()) {
        for (const auto& [key, value] : *members) {
            if (const auto word = value.as_string()) {
                settings.push_back(std::string{key} + "=" + *word);
            }
        }
    }
    return settings;
}

void add_vdpa(const std::string& path, const std::string& argument, ArgumentDevices& devices)
{
    const auto known = path.starts_with("/dev/vhost-vdpa-");
    devices.others.push_back(
        {.kind = known ? IndirectDevice::Kind::vdpa : IndirectDevice::Kind::argument,
         .id = shown_part(known ? path : argument),
         .parent = {}});
}

// By PCI address, or by the path of a device in sysfs, whose last part is its address or UUID.
void add_vfio(const std::vector<std::string>& settings, const std::string& argument,
              ArgumentDevices& devices)
{
    auto path = setting(settings, "sysfsdev", "");
    path.erase(path.find_last_not_of('/') + 1);
    const auto last = path.substr(path.find_last_of('/') + 1);
    const auto host = setting(settings, "host", "");
    if (auto address = whole_pci_address(host.empty() ? last : host); !address.empty()) {
        devices.pci.push_back(std::move(address));
    } else if (const auto uuid = parse_uuid(last)) {
        devices.others.push_back(
            {.kind = IndirectDevice::Kind::mediated, .id = uuid->str(), .parent = {}});
    } else {
        devices.others.push_back(
            {.kind = IndirectDevice::Kind::argument, .id = shown_part(argument), .parent = {}});
    }
}

void add_device(const QemuArgument& argument, ArgumentDevices& devices)
{
    const auto settings = argument.value.starts_with('{') ? json_settings(argument.value)
                                                          : settings_of(argument.value);
    const auto name = "-" + argument.option + " " + argument.value;
    const auto is = [&](const char* option, const char* key, const char* type) {
        return argument.option == option && setting(settings, key, key).starts_with(type);
    };
    if (is("device", "driver", "vfio-")) {
        add_vfio(settings, name, devices);
    } else if (is("device", "driver", "vhost-vdpa") || is("netdev", "type", "vhost-vdpa")) {
        add_vdpa(setting(settings, "vhostdev", ""), name, devices);
    } else if (is("blockdev", "driver", "nvme")) {
        add_vfio({"host=" + setting(settings, "device", "")}, name, devices);
    }
}

// "on", or "on-fault": page by page as the guest touches them.
bool locks_memory_of_guest(const QemuArgument& argument)
{
    const auto settings = settings_of(argument.value);
    return (argument.option == "overcommit" &&
            setting(settings, "mem-lock", "").starts_with("on")) ||
           (argument.option == "realtime" && setting(settings, "mlock", "").starts_with("on"));
}

} // namespace

ArgumentDevices read_argument_devices(const pugi::xml_node& domain)
{
    ArgumentDevices devices;
    for (const auto& argument :
         qemu_arguments(domain, {"device", "netdev", "blockdev", "overcommit", "realtime"})) {
        add_device(argument, devices);
        devices.locks_memory = devices.locks_memory || locks_memory_of_guest(argument);
    }
    return devices;
}

std::string whole_pci_address(std::string_view text)
{
    // "dddd:bb:ss.f", the domain may be missing.
    constexpr std::string_view form = "0000:00:00.0";
    const auto whole =
        (std::count(text.begin(), text.end(), ':') == 1 ? "0000:" : "") + std::string{text};
    const auto fits =
        whole.size() == form.size() &&
        std::equal(whole.begin(), whole.end(), form.begin(), [](char c, char f) {
            return f == '0' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == f;
        });
    std::string address;
    for (const auto c : fits ? whole : "") {
        address += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return address;
}

} // namespace virtpind
