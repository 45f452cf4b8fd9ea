// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cpu_capabilities.hpp"

#include "handles.hpp"

#include <pugixml.hpp>

#include <sstream>
#include <string>

namespace virtpind {

namespace {

// With what its model implies, too.
std::string expanded(const MallocString& cpu)
{
    return cpu ? std::string{cpu.get()} : std::string{};
}

// The CPU that KVM can give a guest. It says that of invtsc, and nothing of topoext, which QEMU
// never turns on by itself.
std::string guest_cpu(virConnectPtr connection)
{
    const MallocString answer{
        virConnectGetDomainCapabilities(connection, nullptr, nullptr, nullptr, "kvm", 0)};
    const auto cpu =
        answer ? cpu_in(answer.get(), "/domainCapabilities/cpu/mode[@name='host-model']") : "";
    const char* text = cpu.c_str();
    if (cpu.empty()) {
        return "";
    }
    return expanded(MallocString{
        virConnectBaselineHypervisorCPU(connection, nullptr, nullptr, nullptr, "kvm", &text, 1,
                                        VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)});
}

// The CPU that the host has.
std::string host_cpu(virConnectPtr connection)
{
    const MallocString answer{virConnectGetCapabilities(connection)};
    const auto cpu = answer ? cpu_in(answer.get(), "/capabilities/host/cpu") : "";
    const char* text = cpu.c_str();
    if (cpu.empty()) {
        return "";
    }
    return expanded(MallocString{
        virConnectBaselineCPU(connection, &text, 1, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)});
}

} // namespace

std::string cpu_in(std::string_view answer, const char* path)
{
    pugi::xml_document document;
    if (!document.load_buffer(answer.data(), answer.size())) {
        return "";
    }
    const auto model = document.select_node(path).node();
    if (!model.first_child()) {
        return "";
    }
    pugi::xml_document copy;
    auto cpu = copy.append_child("cpu");
    for (const auto child : model.children()) {
        cpu.append_copy(child);
    }
    std::ostringstream text;
    cpu.print(text, "", pugi::format_raw);
    return text.str();
}

std::optional<bool> has_feature(std::string_view expanded_cpu, const char* feature)
{
    pugi::xml_document document;
    if (!document.load_buffer(expanded_cpu.data(), expanded_cpu.size())) {
        return std::nullopt;
    }
    const auto cpu = document.child("cpu");
    if (!cpu) {
        return std::nullopt;
    }
    const auto found = cpu.find_child_by_attribute("feature", "name", feature);
    return found && found.attribute("policy").as_string("require") != std::string_view{"disable"};
}

TuningAbilities read_tuning_abilities(virConnectPtr connection)
{
    TuningAbilities abilities;
    unsigned long version = 0;
    if (virConnectGetLibVersion(connection, &version) == 0) {
        abilities.libvirt_version = version;
    }
    // Where libvirt does not say (without KVM; not to everybody), a guest that requires it might
    // not start any more.
    abilities.invtsc = has_feature(guest_cpu(connection), "invtsc").value_or(false);
    abilities.topoext = has_feature(host_cpu(connection), "topoext");
    return abilities;
}

} // namespace virtpind
