// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt_definition.hpp"

#include "common/base/cpu_set.hpp"
#include "daemon/domain_xml/domain_xml.hpp"

#include <libvirt/virterror.h>
#include <pugixml.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace virtpind::test {

namespace {

std::string normal_cpus(const std::string& text)
{
    const auto cpus = CpuSet::parse(text);
    return cpus ? cpus->str() : throw std::invalid_argument{"CPU set " + text};
}

void copy_sorted(const pugi::xml_node& from, pugi::xml_node to)
{
    std::vector<pugi::xml_attribute> attributes(from.attributes_begin(), from.attributes_end());
    std::sort(attributes.begin(), attributes.end(),
              [](const pugi::xml_attribute& a, const pugi::xml_attribute& b) {
                  return std::string_view{a.name()} < std::string_view{b.name()};
              });
    for (const auto& attribute : attributes) {
        to.append_attribute(attribute.name()) = attribute.value();
    }
    for (const auto child : from.children()) {
        if (child.type() == pugi::node_element) {
            copy_sorted(child, to.append_child(child.name()));
        } else if (child.type() == pugi::node_pcdata) {
            to.append_copy(child);
        }
    }
}

std::string element_text(const pugi::xml_node& element)
{
    if (!element) {
        return {};
    }
    pugi::xml_document document;
    copy_sorted(element, document.append_child(element.name()));
    std::ostringstream text;
    document.save(text, "", pugi::format_raw | pugi::format_no_declaration);
    return text.str();
}

// What libvirt 9.0 fills in and leaves out, of a domain of type kvm.
std::string cpu_text(pugi::xml_node cpu)
{
    const auto fill = [](pugi::xml_node element, const char* name, const char* value) {
        if (element && !element.attribute(name)) {
            element.append_attribute(name) = value;
        }
    };
    if (!cpu.attribute("mode") && !cpu.child("model")) {
        fill(cpu, "mode", "custom");
        fill(cpu, "match", "exact");
        fill(cpu, "check", "none");
        cpu.prepend_child("model").text() = "qemu64";
        fill(cpu.child("model"), "fallback", "forbid");
    }
    fill(cpu, "mode", "custom");
    const std::string_view mode = cpu.attribute("mode").value();
    const auto is_hosts = mode == "host-passthrough" || mode == "maximum";
    if (is_hosts) {
        fill(cpu, "migratable", "on");
    } else {
        cpu.remove_attribute("migratable");
    }
    fill(cpu, "check", is_hosts ? "none" : "partial");
    if (mode == "custom") {
        fill(cpu, "match", "exact");
        fill(cpu.child("model"), "fallback", "allow");
    } else {
        cpu.remove_attribute("match");
    }
    for (auto feature : cpu.children("feature")) {
        fill(feature, "policy", "require");
    }
    auto topology = cpu.child("topology");
    fill(topology, "dies", "1");
    topology.remove_attribute("clusters");
    unsigned id = 0;
    for (auto cell : cpu.child("numa").children("cell")) {
        fill(cell, "id", std::to_string(id++).c_str());
        fill(cell, "unit", "KiB");
    }
    return element_text(cpu);
}

// A list as libvirt shows it of a running domain that has room for more vCPUs.
std::string list_vcpus(const Definition& definition, const Guest& running)
{
    std::string text = "<vcpus>";
    for (unsigned id = 0; id < definition.vcpus; ++id) {
        const auto online = running.online.count(id) != 0;
        text += "<vcpu id='" + std::to_string(id) + "' enabled='" + (online ? "yes" : "no") +
                "' hotpluggable='" + (id >= definition.current ? "yes" : "no") + "'/>";
    }
    return text + "</vcpus>";
}

} // namespace

Result<Definition> parse_definition(const std::string& xml)
{
    const Error refused{.message = "XML error", .native_code = VIR_ERR_XML_ERROR};
    pugi::xml_document document;
    if (!document.load_string(xml.c_str())) {
        return refused;
    }
    auto domain = document.child("domain");
    Definition made;
    made.name = domain.child_value("name");
    made.uuid = domain.child_value("uuid");
    const auto vcpu = domain.child("vcpu");
    made.vcpus = vcpu.text().as_uint();
    made.current = vcpu.attribute("current").as_uint(made.vcpus);
    made.iothreads = domain.child("iothreads").text().as_uint();
    made.iothreads_listed = static_cast<bool>(domain.child("iothreadids"));
    if (vcpu.attribute("cpuset")) {
        made.cpuset = normal_cpus(vcpu.attribute("cpuset").value());
    }
    const auto cputune = domain.child("cputune");
    for (const auto pin : cputune.children("vcpupin")) {
        if (const auto id = pin.attribute("vcpu").as_uint(); id < made.vcpus) {
            made.vcpupins[id] = normal_cpus(pin.attribute("cpuset").value());
        }
    }
    for (const auto pin : cputune.children("iothreadpin")) {
        const auto id = pin.attribute("iothread").as_uint();
        if (id == 0 || id > made.iothreads) {
            return refused;
        }
        made.iothreadpins[id] = normal_cpus(pin.attribute("cpuset").value());
        made.iothreads_listed = true;
    }
    if (const auto pin = cputune.child("emulatorpin")) {
        made.emulatorpin = normal_cpus(pin.attribute("cpuset").value());
    }
    made.vcpus_xml = element_text(domain.child("vcpus"));
    made.numatune_xml = element_text(domain.child("numatune"));
    if (!domain.child("cpu")) {
        domain.append_child("cpu");
    }
    const auto cpu = domain.child("cpu");
    made.cpu_xml = cpu_text(cpu);
    for (const auto child : domain.child("metadata").children()) {
        const auto is_note = std::string_view{child.name()}.find("undo") != std::string_view::npos;
        (is_note ? made.note_xml : made.policy_xml) = element_text(child);
    }
    const auto topology = cpu.child("topology");
    const auto product =
        topology.attribute("sockets").as_uint() * topology.attribute("dies").as_uint(1) *
        topology.attribute("clusters").as_uint(1) * topology.attribute("cores").as_uint() *
        topology.attribute("threads").as_uint();
    const auto bound = domain.child("numatune").child("memnode");
    if ((topology && product != made.vcpus) || made.vcpus == 0 || made.current > made.vcpus ||
        (bound && !cpu.child("numa"))) {
        return refused;
    }
    return made;
}

std::string format_definition(const Definition& definition, const Guest* running)
{
    const auto attribute = [](const char* name, const std::string& value) {
        return value.empty() ? "" : std::string{" "} + name + "='" + value + "'";
    };
    const auto line = [](const std::string& text) {
        return text.empty() ? "" : "  " + text + "\n";
    };
    const auto current =
        running != nullptr ? static_cast<unsigned>(running->online.size()) : definition.current;
    std::string text = "<domain type='kvm'";
    text += running != nullptr ? attribute("id", std::to_string(running->id)) : "";
    text += ">\n" + line("<name>" + definition.name + "</name>");
    text += line("<uuid>" + definition.uuid + "</uuid>");
    if (const auto both = line(definition.policy_xml) + line(definition.note_xml); !both.empty()) {
        text += "  <metadata>\n" + both + "  </metadata>\n";
    }
    text += line("<memory unit='KiB'>1048576</memory>");
    text += line("<vcpu placement='static'" + attribute("cpuset", definition.cpuset) +
                 attribute("current", current < definition.vcpus ? std::to_string(current) : "") +
                 ">" + std::to_string(definition.vcpus) + "</vcpu>");
    text += line(running == nullptr                      ? definition.vcpus_xml
                 : definition.vcpus > definition.current ? list_vcpus(definition, *running)
                                                         : "");
    if (definition.iothreads > 0) {
        text += line("<iothreads>" + std::to_string(definition.iothreads) + "</iothreads>");
    }
    if (definition.iothreads_listed) {
        text += line("<iothreadids>");
        for (unsigned id = 1; id <= definition.iothreads; ++id) {
            text += "  " + line("<iothread id='" + std::to_string(id) + "'/>");
        }
        text += line("</iothreadids>");
    }
    std::string pins;
    for (const auto& [id, cpus] : definition.vcpupins) {
        pins += "  " + line("<vcpupin vcpu='" + std::to_string(id) + "' cpuset='" + cpus + "'/>");
    }
    if (!definition.emulatorpin.empty()) {
        pins += "  " + line("<emulatorpin cpuset='" + definition.emulatorpin + "'/>");
    }
    for (const auto& [id, cpus] : definition.iothreadpins) {
        pins += "  " +
                line("<iothreadpin iothread='" + std::to_string(id) + "' cpuset='" + cpus + "'/>");
    }
    text += pins.empty() ? "" : line("<cputune>") + pins + line("</cputune>");
    text += line(definition.numatune_xml) + line("<os><type arch='x86_64'>hvm</type></os>");
    return text + line(definition.cpu_xml) + "</domain>\n";
}

DefinitionParts definition_parts(const Definition& definition)
{
    const auto seen =
        parse_domain_xml(format_definition(definition), PolicyCatalog{}, XmlKind::config);
    return seen ? seen->definition->cpus->parts : throw std::logic_error{seen.error().message};
}

std::set<unsigned> boot_vcpus(const Definition& definition)
{
    pugi::xml_document document;
    std::set<unsigned> online;
    if (!definition.vcpus_xml.empty() && document.load_string(definition.vcpus_xml.c_str())) {
        for (const auto vcpu : document.child("vcpus").children("vcpu")) {
            if (vcpu.attribute("enabled").as_bool()) {
                online.insert(vcpu.attribute("id").as_uint());
            }
        }
        return online;
    }
    for (unsigned id = 0; id < definition.current; ++id) {
        online.insert(id);
    }
    return online;
}

} // namespace virtpind::test
