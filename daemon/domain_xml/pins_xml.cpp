// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pins_xml.hpp"

#include "xml_editor.hpp"

#include <initializer_list>
#include <map>
#include <optional>

namespace virtpind {

namespace {

std::optional<NumaTune> read_numatune(Reader& reader, const pugi::xml_node& element)
{
    if (!element) {
        return std::nullopt;
    }
    NumaTune tune;
    const auto memory = element.child("memory");
    const std::string_view mode =
        (memory ? memory : element.child("memnode")).attribute("mode").as_string("strict");
    const auto known = parse_numa_mode(mode);
    if (!known) {
        reader.fail(Errc::invalid_argument, "<numatune>: " + known.error().message);
        return std::nullopt;
    }
    tune.mode = *known;
    tune.nodes = reader.id_set<NodeId>(memory, "nodeset");
    for (const auto node : element.children("memnode")) {
        tune.cells[reader.small_number(node, "cellid", 0)] = reader.id_set<NodeId>(node, "nodeset");
    }
    tune.source_xml = to_text(element);
    return tune;
}

// Where libvirt itself puts <cputune> and, after it, <numatune>.
pugi::xml_node tuning_anchor(const pugi::xml_node& domain)
{
    return last_of(domain, {"vcpu", "vcpus", "iothreads", "iothreadids", "cputune"});
}

// One kind of pins with an id: <vcpupin vcpu=> or <iothreadpin iothread=>.
template <class Id>
void write_thread_pins(pugi::xml_node cputune, const char* name, const char* key,
                       std::initializer_list<std::string_view> behind,
                       const std::map<Id, CpuSet>& current, std::map<Id, CpuSet> wanted)
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

void write_emulator_pin(pugi::xml_node cputune, const std::optional<CpuSet>& current,
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

void write_cputune(pugi::xml_node domain, const PinSet& current, const PinSet& wanted)
{
    auto cputune = domain.child("cputune");
    if (!cputune) {
        cputune = insert_element(domain, tuning_anchor(domain), "cputune");
    }
    write_thread_pins(cputune, "vcpupin", "vcpu", {}, current.vcpus, wanted.vcpus);
    write_emulator_pin(cputune, current.emulator, wanted.emulator);
    write_thread_pins(cputune, "iothreadpin", "iothread", {"vcpupin", "emulatorpin"},
                      current.iothreads, wanted.iothreads);
    if (!cputune.find_child([](const pugi::xml_node& node) { return !is_blank(node); })) {
        remove_element(cputune);
    }
}

void write_vcpu_cpuset(pugi::xml_node vcpu, const std::optional<CpuSet>& wanted)
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
void write_numatune(pugi::xml_node domain, const std::optional<NumaTune>& wanted)
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

// Elements of one name and id, of which libvirt takes one.
void refuse_twins(Reader& reader, const pugi::xml_node& cputune, const char* name, const char* key)
{
    IdSet<CpuId> seen; // numbers below its limit
    for (const auto pin : cputune.children(name)) {
        const auto number = *key != '\0' ? reader.small_number(pin, key, 0) : 0;
        if (!seen.contains(CpuId{number})) {
            seen.insert(CpuId{number});
            continue;
        }
        const auto of =
            *key != '\0' ? std::string{" of "} + key + " " + std::to_string(number) : std::string{};
        reader.fail(Errc::invalid_argument, std::string{"<cputune> has several <"} + name + ">" +
                                                of + "; libvirt takes one: remove the others");
        return;
    }
}

} // namespace

PinSet read_pins(Reader& reader, const pugi::xml_node& domain)
{
    PinSet pins;
    if (const auto vcpu = domain.child("vcpu"); vcpu.attribute("cpuset")) {
        pins.vcpu_cpuset = reader.id_set<CpuId>(vcpu, "cpuset");
    }
    const auto cputune = domain.child("cputune");
    refuse_twins(reader, cputune, "vcpupin", "vcpu");
    refuse_twins(reader, cputune, "emulatorpin", "");
    refuse_twins(reader, cputune, "iothreadpin", "iothread");
    // libvirt refuses pins to no CPU; in a file they count as none.
    for (const auto pin : cputune.children("vcpupin")) {
        const VcpuId vcpu{reader.small_number(pin, "vcpu", 0)};
        if (auto cpus = reader.id_set<CpuId>(pin, "cpuset"); !cpus.empty()) {
            pins.vcpus[vcpu] = std::move(cpus);
        }
    }
    if (auto cpus = reader.id_set<CpuId>(cputune.child("emulatorpin"), "cpuset"); !cpus.empty()) {
        pins.emulator = std::move(cpus);
    }
    for (const auto pin : cputune.children("iothreadpin")) {
        const IothreadId iothread{reader.small_number(pin, "iothread", 0)};
        if (auto cpus = reader.id_set<CpuId>(pin, "cpuset"); !cpus.empty()) {
            pins.iothreads[iothread] = std::move(cpus);
        }
    }
    pins.iothreads_listed = static_cast<bool>(domain.child("iothreadids"));
    pins.numatune = read_numatune(reader, domain.child("numatune"));
    return pins;
}

bool lists_only_ids(const pugi::xml_node& domain)
{
    const auto says_more = [](const pugi::xml_node& node) {
        return node.type() == pugi::node_element &&
               (node.first_child() || node.first_attribute().next_attribute());
    };
    return !domain.child("iothreadids").find_child(says_more);
}

Result<void> write_pins(pugi::xml_node domain, const PinSet& current, const PinSet& wanted)
{
    if (wanted == current) {
        return {};
    }
    if (wanted.vcpu_cpuset != current.vcpu_cpuset) {
        write_vcpu_cpuset(domain.child("vcpu"), wanted.vcpu_cpuset);
    }
    if (current.iothreads_listed && !wanted.iothreads_listed) {
        remove_element(domain.child("iothreadids"));
    }
    write_cputune(domain, current, wanted);
    if (wanted.numatune != current.numatune) {
        write_numatune(domain, wanted.numatune);
    }
    // An edit that does not read back as intended must not reach libvirt: an empty set, a
    // numatune that is empty or whose text says something else, an element that is there twice.
    Reader reader;
    const auto numatune = domain.child("numatune");
    if (read_pins(reader, domain) != wanted || reader.error() ||
        (numatune && !numatune.first_child())) {
        return Error{.code = Errc::invalid_argument,
                     .message = "cannot edit the definition: the wanted pins cannot be written "
                                "into it; compare its <cputune> and <numatune> with what is "
                                "wanted"};
    }
    return {};
}

} // namespace virtpind
