// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_xml.hpp"

#include "cpu_definition_xml.hpp"
#include "definition_parts.hpp"
#include "vcpu_keys.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

namespace {

// Only these modes pass the host's caches through and know of migratable=.
bool is_passthrough_mode(const pugi::xml_node& cpu)
{
    return has(cpu, "mode", "host-passthrough") || has(cpu, "mode", "maximum");
}

// A mode that can carry the tunes. With a CPU of the host's, libvirt checks that the guest has
// them; a named model keeps its own check: many start only without the features that QEMU lacks.
void write_mode(pugi::xml_node cpu, const std::set<Tune>& tuned)
{
    const auto needs_passthrough =
        std::any_of(part_table().begin(), part_table().end(), [&tuned](const PartRow& row) {
            return row.tune && row.tune->needs_passthrough && tuned.contains(row.tune->tune);
        });
    const auto names_no_cpu = !cpu.attribute("mode") && !cpu.child("model");
    if ((needs_passthrough && !is_passthrough_mode(cpu)) || names_no_cpu) {
        set_attribute(cpu, "mode", "host-passthrough");
        cpu.remove_attribute("match");
        for (const auto* name : {"model", "vendor"}) {
            if (auto element = cpu.child(name)) {
                remove_element(element);
            }
        }
    }
    if (is_passthrough_mode(cpu) && !has(cpu, "check", "full")) {
        set_attribute(cpu, "check", "partial");
    }
    // libvirt would add it, and then nobody knew whose it is if we die before reading it back.
    if (is_passthrough_mode(cpu) && !cpu.attribute("migratable")) {
        set_attribute(cpu, "migratable", "on");
    }
}

// Makes the element of that row say its tune, or say it no more.
void write_tune(pugi::xml_node domain, const PartRow& row, bool wanted)
{
    auto element = find_element(domain, row);
    if (row.form == PartForm::attribute) {
        set_attribute(element, row.tag, wanted ? row.tune->value : "on"); // libvirt's default
        return;
    }
    if (!wanted) {
        remove_element(element);
        return;
    }
    const auto is_feature = row.form == PartForm::feature;
    if (!element) {
        element = insert_in_order(domain.child(row.parent), is_feature ? "feature" : row.tag);
    }
    set_attribute(element, row.tune->attribute, row.tune->value);
    if (is_feature) {
        set_attribute(element, "name", row.tag);
    } else if (row.part == DefinitionPart::cpu_cache) {
        element.remove_attribute("level"); // of a cache that QEMU makes up
    }
}

void write_topology(pugi::xml_node cpu, const GuestTopology& topology,
                    const std::optional<bool>& clusters_known)
{
    auto element = cpu.child("topology");
    if (!element) {
        element = insert_in_order(cpu, "topology");
    }
    set_attribute(element, "sockets", std::to_string(topology.sockets));
    set_attribute(element, "dies", std::to_string(topology.dies));
    if (clusters_known.value_or(element.attribute("clusters"))) {
        set_attribute(element, "clusters", std::to_string(topology.clusters));
    } else {
        element.remove_attribute("clusters");
    }
    set_attribute(element, "cores", std::to_string(topology.cores));
    set_attribute(element, "threads", std::to_string(topology.threads));
}

void write_cells(pugi::xml_node cpu, const std::vector<GuestCell>& cells)
{
    auto numa = cpu.child("numa");
    if (!numa) {
        numa = insert_in_order(cpu, "numa");
    }
    auto element = numa.child("cell");
    for (const auto& cell : cells) {
        const auto id = std::to_string(cell.id);
        if (!element) {
            element = insert_element(numa, last_of(numa, {"cell"}), "cell");
            set_attribute(element, "id", id);
            set_attribute(element, "memory", std::to_string(cell.memory_kib));
            set_attribute(element, "unit", "KiB");
        }
        auto known = numa.find_child_by_attribute("cell", "id", id.c_str());
        auto written = known ? known : element;
        if (cell.vcpus.empty()) {
            written.remove_attribute("cpus"); // memory only; libvirt reads no empty list
        } else {
            set_attribute(written, "cpus", cell.vcpus.str());
        }
        element = element.next_sibling("cell");
    }
}

// libvirt wants vCPU 0 fixed and no fixed vCPU after one that is not: those that were fixed stay so
// up to the first gap. An `order` only tells which were plugged first, and it is all or none.
void write_vcpu_list(pugi::xml_node list, const pugi::xml_node& old, const CpuDefinition& wanted)
{
    auto fixed = true;
    for (std::uint32_t id = 0; id < wanted.vcpus_max; ++id) {
        const auto text = std::to_string(id);
        const auto enabled = wanted.enabled.contains(VcpuId{id});
        const auto before = old.find_child_by_attribute("vcpu", "id", text.c_str());
        fixed = id == 0 || (fixed && enabled && has(before, "enabled", "yes") &&
                            has(before, "hotpluggable", "no"));
        auto entry = insert_element(list, last_of(list, {"vcpu"}), "vcpu");
        set_attribute(entry, "id", text);
        set_attribute(entry, "enabled", enabled ? "yes" : "no");
        set_attribute(entry, "hotpluggable", fixed ? "no" : "yes");
    }
}

void write_vcpus(pugi::xml_node domain, const CpuDefinition& wanted)
{
    auto vcpu = domain.child("vcpu");
    vcpu.text().set(wanted.vcpus_max);
    set_attribute(vcpu, "placement", wanted.placement);
    if (wanted.enabled.size() < wanted.vcpus_max) {
        set_attribute(vcpu, "current", std::to_string(wanted.enabled.size()));
    } else {
        vcpu.remove_attribute("current");
    }
    auto old = domain.child("vcpus");
    if (wanted.lists_vcpus) {
        write_vcpu_list(old ? insert_element(domain, old, "vcpus")
                            : insert_in_order(domain, "vcpus"),
                        old, wanted);
    }
    if (old) {
        remove_element(old);
    }
}

bool is_of_cpu(const PartRow& row)
{
    return row.parent == std::string_view{"cpu"};
}

// <cpu>, and the tunes that stand elsewhere.
void write_cpu(pugi::xml_node domain, const CpuDefinition& now, const CpuDefinition& wanted,
               const std::optional<bool>& clusters_known)
{
    const auto table = part_table();
    std::vector<PartRow> tunes; // that differ
    std::copy_if(table.begin(), table.end(), std::back_inserter(tunes), [&](const PartRow& row) {
        return row.tune &&
               now.tuned.contains(row.tune->tune) != wanted.tuned.contains(row.tune->tune);
    });
    const auto touches_cpu = now.topology != wanted.topology || now.cells != wanted.cells ||
                             std::any_of(tunes.begin(), tunes.end(), is_of_cpu);
    if (touches_cpu && !domain.child("cpu")) {
        insert_in_order(domain, "cpu");
    }
    const auto cpu = domain.child("cpu");
    if (now.topology != wanted.topology) {
        write_topology(cpu, *wanted.topology, clusters_known);
    }
    for (const auto& row : tunes) {
        write_tune(domain, row, wanted.tuned.contains(row.tune->tune));
    }
    // Taking a tune away asks nothing of the mode, nor does one that is not of the CPU.
    if (std::any_of(tunes.begin(), tunes.end(), [&wanted](const PartRow& row) {
            return is_of_cpu(row) && wanted.tuned.contains(row.tune->tune);
        })) {
        write_mode(cpu, wanted.tuned);
    }
    if (now.cells != wanted.cells) {
        write_cells(cpu, wanted.cells);
    }
}

} // namespace

void write_tuning(pugi::xml_node domain, const CpuDefinition& now, const CpuDefinition& wanted,
                  const GuestTuning& tuning)
{
    if (wanted.keyed != now.keyed) {
        renumber_vcpu_keys(domain, *new_numbers(now, *tuning.cpus));
    }
    if (wanted.vcpus_max != now.vcpus_max || wanted.enabled != now.enabled ||
        wanted.lists_vcpus != now.lists_vcpus || wanted.placement != now.placement) {
        write_vcpus(domain, wanted);
    }
    write_cpu(domain, now, wanted, tuning.clusters_known);
}

} // namespace virtpind
