// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cpu_definition_xml.hpp"

#include "definition_parts.hpp"
#include "qemu_arguments.hpp"
#include "vcpu_keys.hpp"
#include "xml_bounds.hpp"

#include <algorithm>

namespace virtpind {

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

// Whether the definition has the tune of that row, or says the contrary.
void read_tune(const pugi::xml_node& domain, const PartRow& row, CpuDefinition& cpus)
{
    const auto& tune = *row.tune;
    const auto element = find_element(domain, row);
    if (!element) {
        return;
    }
    const auto is_feature = row.form == PartForm::feature;
    const std::string_view says =
        element.attribute(tune.attribute).as_string(is_feature ? "require" : "");
    const auto is_contrary = is_feature ? turns_off(says) != turns_off(tune.value)
                                        : !says.empty() && says == tune.contrary;
    if (says == tune.value) {
        cpus.tuned.insert(tune.tune);
    } else if (is_contrary) {
        cpus.opposed.insert(tune.tune);
    }
}

void read_vcpus(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    const auto vcpu = domain.child("vcpu");
    facts.vcpus_max =
        static_cast<std::uint32_t>(reader.number(trimmed_text(vcpu), "<vcpu>", id_set_limit, 1));
    if (facts.vcpus_max == 0) {
        reader.fail(Errc::invalid_argument, "<vcpu> is 0; a domain has at least one");
        return;
    }
    if (const auto list = domain.child("vcpus")) {
        for (const auto entry : list.children("vcpu")) {
            const auto id = reader.small_number(entry, "id", 0);
            if (id < facts.vcpus_max &&
                entry.attribute("enabled").as_string() == std::string_view{"yes"}) {
                facts.vcpus_online.insert(VcpuId{id});
                if (entry.attribute("hotpluggable").as_string() == std::string_view{"yes"}) {
                    facts.vcpus_pluggable.insert(VcpuId{id});
                }
            }
        }
    } else {
        const auto online = reader.number(vcpu.attribute("current").value(), "vcpu/@current",
                                          facts.vcpus_max, facts.vcpus_max);
        if (online > 0) {
            facts.vcpus_online = VcpuSet::range(0, static_cast<std::uint32_t>(online) - 1);
        }
    }
}

void read_topology(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    const auto cpu = domain.child("cpu");
    if (const auto topology = cpu.child("topology")) {
        facts.topology = GuestTopology{.sockets = reader.small_number(topology, "sockets", 1),
                                       .dies = reader.small_number(topology, "dies", 1),
                                       .clusters = reader.small_number(topology, "clusters", 1),
                                       .cores = reader.small_number(topology, "cores", 1),
                                       .threads = reader.small_number(topology, "threads", 1)};
    }
    std::uint32_t position = 0;
    for (const auto cell : cpu.child("numa").children("cell")) {
        if (facts.cells.size() == guest_cells_max) {
            reader.fail(Errc::limits_exceeded,
                        "more than " + std::to_string(guest_cells_max) + " guest NUMA cells");
            return;
        }
        facts.cells.push_back(GuestCell{
            .id = reader.small_number(cell, "id", position++),
            .vcpus = reader.id_set<VcpuId>(cell, "cpus"),
            .memory_kib = reader.size_kib(cell.attribute("memory").value(),
                                          cell.attribute("unit").value(), "cell/@memory")});
    }
}

} // namespace

bool has(const pugi::xml_node& element, const char* attribute, std::string_view value)
{
    return element.attribute(attribute).value() == value;
}

void read_cpu_facts(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    read_vcpus(reader, domain, facts);
    read_topology(reader, domain, facts);
}

CpuDefinition read_cpu_definition(Reader& reader, const pugi::xml_node& domain,
                                  const DomainFacts& facts)
{
    CpuDefinition cpus;
    cpus.vcpus_max = facts.vcpus_max;
    cpus.enabled = facts.vcpus_online;
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
    for (const auto& row : part_table()) {
        if (row.tune) {
            read_tune(domain, row, cpus);
        }
    }
    return cpus;
}

} // namespace virtpind
