// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tuning_xml.hpp"

#include "cpu_definition_xml.hpp"
#include "definition.hpp"
#include "definition_parts.hpp"
#include "domain_xml.hpp"
#include "vcpu_keys.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace virtpind::host {

namespace {

void write_features(pugi::xml_node cpu, const std::set<Tune>& tuned, const std::set<Tune>& before)
{
    for (const auto& [tune, name, policy] : tune_features) {
        const auto wanted = tuned.count(tune) != 0;
        if (wanted == (before.count(tune) != 0)) {
            continue;
        }
        auto feature = feature_of(cpu, name);
        if (!wanted) {
            remove_element(feature);
            continue;
        }
        if (!feature) {
            feature = insert_in_order(cpu, "feature");
        }
        set_attribute(feature, "policy", policy);
        set_attribute(feature, "name", name);
    }
}

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
        tuned.count(Tune::cache_passthrough) != 0 || tuned.count(Tune::no_migrate) != 0;
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

void write_cache(pugi::xml_node cpu, const std::set<Tune>& tuned)
{
    auto cache = cpu.child("cache");
    if (tuned.count(Tune::cache_passthrough) == 0) {
        remove_element(cache);
        return;
    }
    if (!cache) {
        cache = insert_in_order(cpu, "cache");
    }
    set_attribute(cache, "mode", "passthrough");
    cache.remove_attribute("level");
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

void write_smbios(pugi::xml_node domain, const std::set<Tune>& tuned)
{
    auto os = domain.child("os");
    auto smbios = os.child("smbios");
    if (tuned.count(Tune::host_smbios) == 0) {
        remove_element(smbios);
        return;
    }
    if (!smbios) {
        smbios = insert_in_order(os, "smbios");
    }
    set_attribute(smbios, "mode", "host");
}

void write_cpu(pugi::xml_node domain, const CpuDefinition& now, const CpuDefinition& wanted,
               const std::optional<bool>& clusters_known)
{
    const auto differs = [&](Tune tune) {
        return now.tuned.count(tune) != wanted.tuned.count(tune);
    };
    const auto tunes_differ =
        std::any_of(tune_features.begin(), tune_features.end(),
                    [&](const TuneFeature& feature) { return differs(feature.tune); }) ||
        differs(Tune::cache_passthrough) || differs(Tune::no_migrate);
    if (!tunes_differ && now.topology == wanted.topology && now.cells == wanted.cells) {
        return;
    }
    auto cpu = domain.child("cpu");
    if (!cpu) {
        cpu = insert_in_order(domain, "cpu");
    }
    if (now.topology != wanted.topology) {
        write_topology(cpu, *wanted.topology, clusters_known);
    }
    if (differs(Tune::cache_passthrough)) {
        write_cache(cpu, wanted.tuned);
    }
    if (differs(Tune::no_migrate)) {
        set_attribute(cpu, "migratable", wanted.tuned.count(Tune::no_migrate) != 0 ? "off" : "on");
    }
    write_features(cpu, wanted.tuned, now.tuned);
    // Taking a tune away asks nothing of the mode, nor does one that is not of the CPU.
    if (std::any_of(wanted.tuned.begin(), wanted.tuned.end(), [&now](Tune tune) {
            return tune != Tune::host_smbios && !now.tuned.contains(tune);
        })) {
        write_mode(cpu, wanted.tuned);
    }
    if (now.cells != wanted.cells) {
        write_cells(cpu, wanted.cells);
    }
}

struct Loaded {
    CpuDefinition cpus;
    PinSet pins;
};

Result<Loaded> read(std::string_view text, pugi::xml_document& document)
{
    const auto domain = parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
    if (!domain) {
        return domain.error();
    }
    if (auto root = load_domain(document, text); !root) {
        return root.error();
    }
    return Loaded{*domain->cpus, *domain->config};
}

} // namespace

Result<std::string> edit_definition_and_tune(std::string_view text, const DefinitionChange& change)
{
    const auto& tuning = change.tuning;
    std::string edited{text};
    if (!tuning.put_back.empty()) {
        pugi::xml_document document;
        if (auto root = load_domain(document, text); !root) {
            return root.error();
        }
        put_back_parts(document.child("domain"), tuning.put_back);
        edited = edited_text(document, text);
    }
    auto pinned = edit_definition(edited, change);
    return pinned && !tuning.empty() ? apply_tuning(*pinned, tuning) : pinned;
}

Result<std::string> apply_tuning(std::string_view text, const GuestTuning& tuning)
{
    pugi::xml_document document;
    const auto now = read(text, document);
    if (!now) {
        return now.error();
    }
    const auto wanted = tuned_definition(now->cpus, tuning);
    const auto wanted_pins = tuned_pins(now->pins, tuning);
    if (wanted == now->cpus) {
        return edit_definition(text,
                               {.mode = DefinitionChange::Mode::replace, .pins = wanted_pins});
    }
    const auto domain = document.child("domain");
    if (wanted.keyed != now->cpus.keyed) {
        renumber_vcpu_keys(domain, *new_numbers(now->cpus, *tuning.cpus));
    }
    if (wanted.vcpus_max != now->cpus.vcpus_max || wanted.enabled != now->cpus.enabled ||
        wanted.lists_vcpus != now->cpus.lists_vcpus || wanted.placement != now->cpus.placement) {
        write_vcpus(domain, wanted);
    }
    write_cpu(domain, now->cpus, wanted, tuning.clusters_known);
    if (wanted.tuned.count(Tune::host_smbios) != now->cpus.tuned.count(Tune::host_smbios)) {
        write_smbios(domain, wanted.tuned);
    }
    auto edited = edit_definition(edited_text(document, text),
                                  {.mode = DefinitionChange::Mode::replace, .pins = wanted_pins});
    if (!edited) {
        return edited;
    }
    pugi::xml_document again;
    const auto result = read(*edited, again);
    if (!result || result->cpus != wanted) {
        return Error{.code = Errc::invalid_argument,
                     .message = "cannot tune the definition: what was wanted does not read back; "
                                "compare its <vcpu>, <vcpus>, <cpu> and <os> with the plan"};
    }
    return edited;
}

} // namespace virtpind::host
