// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_details_xml.hpp"

#include "cpu_definition_xml.hpp"

#include <algorithm>
#include <string_view>

namespace virtpind {

namespace {

// A name that is kept: short, as real ones are.
std::string short_name(std::string_view name)
{
    constexpr std::size_t name_bytes_max = 64;
    return std::string{name.substr(0, name_bytes_max)};
}

// libosinfo's "http://microsoft.com/win/11"; servers are "win/2k22".
GuestSystem system_of(const pugi::xml_node& domain, const GuestDetails& details)
{
    const auto* const osinfo = "http://libosinfo.org/xmlns/libvirt/domain/1.0";
    for (const auto element : domain.child("metadata").children()) {
        if (namespace_of(element) != osinfo) {
            continue;
        }
        for (const auto inner : element.children()) {
            const std::string_view id = inner.attribute("id").value();
            const auto windows = id.find("microsoft.com/win");
            if (windows != std::string_view::npos) {
                const auto release = id.substr(id.find_last_of('/') + 1);
                const auto is_client = release == "7" || release == "8" || release == "8.1" ||
                                       release == "10" || release == "11";
                return is_client ? GuestSystem::windows_client : GuestSystem::windows;
            }
            if (!id.empty()) {
                return GuestSystem::unknown; // another system, which may have enlightenments, too
            }
        }
    }
    return details.hyperv.empty() ? GuestSystem::unknown : GuestSystem::windows;
}

void read_cpu_details(Reader& reader, const pugi::xml_node& cpu, GuestDetails& details)
{
    if (!cpu) {
        return;
    }
    details.cpu_mode = short_name(cpu.attribute("mode").as_string("custom"));
    const auto cache = cpu.child("cache");
    details.cache_mode = short_name(cache.attribute("mode").value());
    if (cache.attribute("level")) {
        details.cache_level = reader.small_number(cache, "level", 0);
    }
    for (const auto feature : cpu.children("feature")) {
        const std::string_view policy = feature.attribute("policy").as_string("require");
        auto& names =
            policy == "disable" || policy == "forbid" ? details.disabled : details.required;
        if ((policy != "optional") && names.size() < detail_entries_max) {
            names.insert(short_name(feature.attribute("name").value()));
        }
    }
}

void read_feature_details(const pugi::xml_node& domain, GuestDetails& details)
{
    const auto features = domain.child("features");
    const auto hyperv = features.child("hyperv");
    if (has(hyperv, "mode", "passthrough")) {
        details.hyperv.insert("passthrough");
    }
    for (const auto one : hyperv.children()) {
        if (has(one, "state", "on") && details.hyperv.size() < detail_entries_max) {
            details.hyperv.insert(short_name(one.name()));
        }
    }
    details.hint_dedicated = has(features.child("kvm").child("hint-dedicated"), "state", "on");
    for (const auto timer : domain.child("clock").children("timer")) {
        details.tsc_native =
            details.tsc_native || (has(timer, "name", "tsc") && has(timer, "mode", "native"));
        if (has(timer, "name", "hypervclock") && has(timer, "present", "yes")) {
            details.hyperv.insert("hypervclock");
        }
    }
}

// What serves a disk: its own driver, or that of the SCSI controller it is on.
void read_iothread_user(Reader& reader, const pugi::xml_node& device, std::string label,
                        GuestDetails& details)
{
    const auto driver = device.child("driver");
    auto named = driver.attribute("iothread").as_uint() != 0;
    if (named) {
        details.iothreads_in_use.insert(IothreadId{reader.small_number(driver, "iothread", 0)});
    }
    for (const auto entry : driver.child("iothreads").children("iothread")) {
        details.iothreads_in_use.insert(IothreadId{reader.small_number(entry, "id", 0)});
        named = true;
    }
    if (!named && details.without_iothread.size() < detail_entries_max) {
        details.without_iothread.push_back(std::move(label));
    }
}

void read_device_details(Reader& reader, const pugi::xml_node& domain, GuestDetails& details)
{
    const auto devices = domain.child("devices");
    for (const auto disk : devices.children("disk")) {
        const auto target = disk.child("target");
        if (has(target, "bus", "virtio")) {
            read_iothread_user(reader, disk, short_name(target.attribute("dev").value()), details);
        }
    }
    for (const auto controller : devices.children("controller")) {
        const std::string_view model = controller.attribute("model").value();
        if (has(controller, "type", "scsi") && model.starts_with("virtio-scsi")) {
            read_iothread_user(reader, controller,
                               "scsi " + short_name(controller.attribute("index").value()),
                               details);
        }
    }
    const auto balloon = devices.child("memballoon");
    details.balloon = balloon && !has(balloon, "model", "none");
}

void read_schedulers(Reader& reader, const pugi::xml_node& domain, GuestDetails& details)
{
    for (const auto entry : domain.child("cputune").children("vcpusched")) {
        if (!has(entry, "scheduler", "fifo") && !has(entry, "scheduler", "rr")) {
            continue;
        }
        details.fifo_vcpus |= reader.id_set<VcpuId>(entry, "vcpus");
        details.fifo_priority =
            std::max(details.fifo_priority, reader.small_number(entry, "priority", 0));
    }
}

} // namespace

GuestDetails read_guest_details(const pugi::xml_node& domain)
{
    Reader reader; // its error is nobody's: what cannot be read is not judged
    GuestDetails details;
    read_cpu_details(reader, domain.child("cpu"), details);
    read_feature_details(domain, details);
    read_device_details(reader, domain, details);
    read_schedulers(reader, domain, details);
    const auto backing = domain.child("memoryBacking");
    details.locked = static_cast<bool>(backing.child("locked"));
    details.hard_limit = static_cast<bool>(domain.child("memtune").child("hard_limit"));
    details.host_smbios = has(domain.child("os").child("smbios"), "mode", "host");
    details.system = system_of(domain, details);
    return details;
}

} // namespace virtpind
