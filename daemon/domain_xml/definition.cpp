// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition.hpp"

#include "pins_xml.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <initializer_list>
#include <map>
#include <optional>

namespace virtpind::host {

namespace {

Error cannot_edit(std::string why)
{
    return Error{.code = Errc::invalid_argument,
                 .message = "cannot edit the definition: " + std::move(why)};
}

// Where libvirt itself puts <cputune> and, after it, <numatune>.
pugi::xml_node tuning_anchor(const pugi::xml_node& domain)
{
    return last_of(domain, {"vcpu", "vcpus", "iothreads", "iothreadids", "cputune"});
}

// One kind of pins with an id: <vcpupin vcpu=> or <iothreadpin iothread=>.
template <class Id>
void edit_pins(pugi::xml_node cputune, const char* name, const char* key,
               std::initializer_list<std::string_view> behind, const std::map<Id, CpuSet>& current,
               std::map<Id, CpuSet> wanted)
{
    const auto id_of = [key](const pugi::xml_node& pin) {
        return Id{pin.attribute(key).as_uint()};
    };
    for (auto pin = cputune.child(name); pin;) {
        const auto here = pin;
        pin = pin.next_sibling(name);
        const auto want = wanted.find(id_of(here));
        if (want == wanted.end()) {
            remove_element(here);
            continue;
        }
        const auto has = current.find(want->first);
        if (has == current.end() || has->second != want->second) {
            set_attribute(here, "cpuset", want->second.str());
        }
        wanted.erase(want);
    }
    for (const auto& [id, cpus] : wanted) {
        auto anchor = last_of(cputune, {name});
        while (anchor && (anchor.name() != std::string_view{name} || id_of(anchor) > id)) {
            anchor = anchor.previous_sibling();
        }
        auto pin = insert_element(cputune, anchor ? anchor : last_of(cputune, behind), name);
        set_attribute(pin, key, std::to_string(raw(id)));
        set_attribute(pin, "cpuset", cpus.str());
    }
}

void edit_emulator(pugi::xml_node cputune, const std::optional<CpuSet>& current,
                   const std::optional<CpuSet>& wanted)
{
    if (wanted == current) {
        return;
    }
    auto pin = cputune.child("emulatorpin");
    if (!wanted) {
        remove_element(pin);
        return;
    }
    if (!pin) {
        pin = insert_element(cputune, last_of(cputune, {"vcpupin"}), "emulatorpin");
    }
    set_attribute(pin, "cpuset", wanted->str());
}

void edit_cputune(pugi::xml_node domain, const PinSet& current, const PinSet& wanted)
{
    auto cputune = domain.child("cputune");
    if (!cputune) {
        cputune = insert_element(domain, tuning_anchor(domain), "cputune");
    }
    edit_pins(cputune, "vcpupin", "vcpu", {}, current.vcpus, wanted.vcpus);
    edit_emulator(cputune, current.emulator, wanted.emulator);
    edit_pins(cputune, "iothreadpin", "iothread", {"vcpupin", "emulatorpin"}, current.iothreads,
              wanted.iothreads);
    if (!cputune.find_child([](const pugi::xml_node& node) { return !is_blank(node); })) {
        remove_element(cputune);
    }
}

void edit_vcpu_cpuset(pugi::xml_node vcpu, const std::optional<CpuSet>& wanted)
{
    if (wanted) {
        set_attribute(vcpu, "cpuset", wanted->str());
    } else {
        vcpu.remove_attribute("cpuset");
    }
}

void add_numa_element(pugi::xml_node numatune, const char* name, std::optional<std::uint32_t> cell,
                      NumaMode mode, const NodeSet& nodes)
{
    auto element = insert_element(numatune, last_of(numatune, {"memory", "memnode"}), name);
    if (cell) {
        set_attribute(element, "cellid", std::to_string(*cell));
    }
    set_attribute(element, "mode", std::string{to_string(mode)});
    set_attribute(element, "nodeset", nodes.str());
}

// The element as a whole: its parts depend on each other (a cell's mode must suit the memory's).
void edit_numatune(pugi::xml_node domain, const std::optional<NumaTune>& wanted)
{
    const auto old = domain.child("numatune");
    if (wanted) {
        const auto anchor = old ? old : tuning_anchor(domain);
        auto numatune = insert_element(domain, anchor, "numatune");
        pugi::xml_document before;
        if (!wanted->source_xml.empty() &&
            before.load_string(wanted->source_xml.c_str(),
                               pugi::parse_full | pugi::parse_ws_pcdata)) {
            domain.insert_copy_after(before.document_element(), numatune);
            domain.remove_child(numatune);
        } else {
            if (!wanted->nodes.empty()) {
                add_numa_element(numatune, "memory", std::nullopt, wanted->mode, wanted->nodes);
            }
            for (const auto& [cell, nodes] : wanted->cells) {
                add_numa_element(numatune, "memnode", cell, wanted->mode, nodes);
            }
        }
    }
    if (old) {
        remove_element(old);
    }
}

// Whether <iothreadids> says nothing but ids, as libvirt writes it by itself.
bool lists_only_ids(const pugi::xml_node& iothreadids)
{
    const auto says_more = [](const pugi::xml_node& node) {
        return node.type() == pugi::node_element &&
               (node.first_child() || node.first_attribute().next_attribute());
    };
    return !iothreadids.find_child(says_more);
}

PinSet wanted_pins(const pugi::xml_node& domain, const PinSet& current,
                   const DefinitionChange& change)
{
    if (change.mode == DefinitionChange::Mode::replace) {
        auto wanted = change.pins;
        const auto removable =
            !wanted.iothreads_listed && lists_only_ids(domain.child("iothreadids"));
        wanted.iothreads_listed = current.iothreads_listed && !removable;
        return wanted;
    }
    auto wanted = current;
    for (const auto& [vcpu, cpus] : change.pins.vcpus) {
        wanted.vcpus[vcpu] = cpus;
    }
    for (const auto& [iothread, cpus] : change.pins.iothreads) {
        wanted.iothreads[iothread] = cpus;
    }
    if (change.pins.emulator) {
        wanted.emulator = change.pins.emulator;
    }
    if (change.pins.numatune) {
        wanted.numatune = change.pins.numatune;
    }
    if (change.pins.vcpu_cpuset) {
        wanted.vcpu_cpuset = change.pins.vcpu_cpuset;
    }
    return wanted;
}

} // namespace

Result<std::string> edit_definition(std::string_view text, const DefinitionChange& change)
{
    pugi::xml_document document;
    const auto loaded = load_domain(document, text);
    if (!loaded) {
        return loaded.error();
    }
    const auto domain = *loaded;
    Reader reader;
    const auto current = read_pins(reader, domain);
    if (reader.error()) {
        return Error{*reader.error()}.context("reading the pins of the definition");
    }
    const auto wanted = wanted_pins(domain, current, change);
    if (wanted == current) {
        return std::string{text};
    }
    if (wanted.vcpu_cpuset != current.vcpu_cpuset) {
        edit_vcpu_cpuset(domain.child("vcpu"), wanted.vcpu_cpuset);
    }
    if (current.iothreads_listed && !wanted.iothreads_listed) {
        remove_element(domain.child("iothreadids"));
    }
    edit_cputune(domain, current, wanted);
    if (wanted.numatune != current.numatune) {
        edit_numatune(domain, wanted.numatune);
    }
    // An edit that does not read back as intended must not reach libvirt: an empty set, a
    // numatune that is empty or whose text says something else, an element that is there twice.
    const auto numatune = domain.child("numatune");
    if (read_pins(reader, domain) != wanted || reader.error() ||
        (numatune && !numatune.first_child())) {
        return cannot_edit("the wanted pins cannot be written into it; compare its <cputune> and "
                           "<numatune> with what is wanted");
    }
    return edited_text(document, text);
}

Result<std::string> without_empty_metadata(std::string_view text)
{
    pugi::xml_document document;
    const auto domain = load_domain(document, text);
    if (!domain) {
        return domain.error();
    }
    const auto metadata = domain->child("metadata");
    if (!metadata || metadata.first_child()) {
        return std::string{text};
    }
    remove_element(metadata);
    return edited_text(document, text);
}

} // namespace virtpind::host
