// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cpu_definition_xml.hpp"

#include "definition_parts.hpp"
#include "qemu_arguments.hpp"
#include "vcpu_keys.hpp"

#include <algorithm>

namespace virtpind::host {

namespace {

// "EPYC"; "" where the host's own CPU is wanted, or nothing is said: libvirt writes down QEMU's
// default model by itself, as nobody would.
std::string named_model(const pugi::xml_node& cpu)
{
    const auto is_custom = has(cpu, "mode", "custom") || !cpu.attribute("mode");
    const auto model = cpu.child("model");
    const auto name = is_custom ? trimmed_text(model) : "";
    const auto is_default = (name == "qemu64" || name == "qemu32") && has(cpu, "match", "exact") &&
                            has(cpu, "check", "none") && has(model, "fallback", "forbid");
    return is_default ? "" : name;
}

// The other policies, require, force and optional, let the guest have it.
bool turns_off(std::string_view policy)
{
    return policy == "disable" || policy == "forbid";
}

} // namespace

bool has(const pugi::xml_node& element, const char* attribute, std::string_view value)
{
    return element.attribute(attribute).value() == value;
}

pugi::xml_node feature_of(const pugi::xml_node& cpu, const char* name)
{
    return cpu.find_child_by_attribute("feature", "name", name);
}

CpuDefinition read_cpu_definition(Reader& reader, const pugi::xml_node& domain,
                                  const DomainFacts& facts)
{
    CpuDefinition cpus;
    cpus.vcpus_max = facts.vcpus_max;
    cpus.enabled = facts.vcpus_boot;
    cpus.lists_vcpus = !domain.child("vcpus").empty();
    cpus.placement = domain.child("vcpu").attribute("placement").as_string("static");
    cpus.topology = facts.topology;
    cpus.cells = facts.cells;
    cpus.emulated = has(domain, "type", "qemu");
    cpus.arch = domain.child("os").child("type").attribute("arch").value();
    cpus.model = named_model(domain.child("cpu"));
    cpus.overrides = read_qemu_overrides(domain);
    cpus.parts = read_parts(domain);
    read_vcpu_keys(reader, domain, cpus);
    std::sort(cpus.cells.begin(), cpus.cells.end(),
              [](const GuestCell& a, const GuestCell& b) { return a.id < b.id; });
    const auto cpu = domain.child("cpu");
    for (const auto& [tune, name, policy] : tune_features) {
        const auto feature = feature_of(cpu, name);
        const std::string_view says = feature.attribute("policy").as_string("require");
        if (feature && says == policy) {
            cpus.tuned.insert(tune);
        } else if (feature && turns_off(says) != turns_off(policy)) {
            cpus.opposed.insert(tune);
        }
    }
    if (has(cpu.child("cache"), "mode", "passthrough")) {
        cpus.tuned.insert(Tune::cache_passthrough);
    } else if (has(cpu.child("cache"), "mode", "disable")) {
        cpus.opposed.insert(Tune::cache_passthrough);
    }
    if (has(cpu, "migratable", "off")) {
        cpus.tuned.insert(Tune::no_migrate);
    }
    if (has(domain.child("os").child("smbios"), "mode", "host")) {
        cpus.tuned.insert(Tune::host_smbios);
    }
    return cpus;
}

} // namespace virtpind::host
