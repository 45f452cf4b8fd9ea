// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition_parts.hpp"

#include "vcpu_keys.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

namespace virtpind::host {

namespace {

constexpr std::array cpu_attributes{"mode", "match", "check", "migratable"};
constexpr std::array cpu_children{"model", "vendor", "topology", "cache", "numa"};
constexpr std::array tune_features{"hypervisor", "topoext", "invtsc"};

void read_element(DefinitionParts& parts, const std::string& name, const pugi::xml_node& element)
{
    if (element) {
        parts[name] = normal_text(element);
    }
}

// <vcpu> as its own part: the cpuset is one of the pins.
std::string normal_vcpu(const pugi::xml_node& vcpu)
{
    pugi::xml_document copy;
    auto own = copy.append_copy(vcpu);
    own.remove_attribute("cpuset");
    return normal_text(own);
}

// Puts back an element that stands for a part, in the place of `old` where that is there.
void put_back_element(pugi::xml_node parent, pugi::xml_node old, const std::string& text)
{
    pugi::xml_document document;
    if (!text.empty() && document.load_string(text.c_str())) {
        const auto then = document.document_element();
        fill_like(old ? insert_element(parent, old, then.name())
                      : insert_in_order(parent, then.name()),
                  then);
    }
    if (old) {
        remove_element(old);
    }
}

void put_back_vcpu(pugi::xml_node vcpu, const std::string& text)
{
    pugi::xml_document document;
    if (!document.load_string(text.c_str())) {
        return;
    }
    const auto then = document.document_element();
    vcpu.text().set(then.text().get());
    for (const auto* name : {"placement", "current"}) {
        if (const auto attribute = then.attribute(name)) {
            set_attribute(vcpu, name, attribute.value());
        } else {
            vcpu.remove_attribute(name);
        }
    }
}

// An attribute of <cpu>.
void put_back_attribute(pugi::xml_node cpu, const char* name, const std::string& value)
{
    if (value.empty()) {
        cpu.remove_attribute(name);
    } else {
        set_attribute(cpu, name, value);
    }
}

bool says_nothing(const pugi::xml_node& element)
{
    return !element.first_attribute() &&
           !element.find_child([](const auto& node) { return !is_blank(node); });
}

// Calls put_back(value) where `parts` has that part.
template <class PutBack>
void with_part(const DefinitionParts& parts, const std::string& name, PutBack put_back)
{
    if (const auto at = parts.find(name); at != parts.end()) {
        put_back(at->second);
    }
}

void put_back_cpu(pugi::xml_node cpu, const DefinitionParts& parts)
{
    for (const auto* name : cpu_attributes) {
        with_part(parts, std::string{"cpu@"} + name,
                  [&](const std::string& value) { put_back_attribute(cpu, name, value); });
    }
    for (const auto* name : cpu_children) {
        with_part(parts, std::string{"cpu/"} + name,
                  [&](const std::string& text) { put_back_element(cpu, cpu.child(name), text); });
    }
    for (const auto* name : tune_features) {
        with_part(parts, std::string{"cpu/feature:"} + name, [&](const std::string& text) {
            put_back_element(cpu, cpu.find_child_by_attribute("feature", "name", name), text);
        });
    }
    with_part(parts, "cpu", [&](const std::string& text) {
        if (text.empty() && says_nothing(cpu)) {
            remove_element(cpu);
        }
    });
}

} // namespace

DefinitionParts read_parts(const pugi::xml_node& domain)
{
    DefinitionParts parts;
    if (const auto vcpu = domain.child("vcpu")) {
        parts["vcpu"] = normal_vcpu(vcpu);
    }
    read_element(parts, "vcpus", domain.child("vcpus"));
    read_element(parts, "os/smbios", domain.child("os").child("smbios"));
    read_vcpu_key_parts(domain, parts);
    const auto cpu = domain.child("cpu");
    if (!cpu) {
        return parts;
    }
    parts["cpu"] = "there";
    for (const auto* name : cpu_attributes) {
        if (const auto attribute = cpu.attribute(name)) {
            parts[std::string{"cpu@"} + name] = attribute.value();
        }
    }
    for (const auto* name : cpu_children) {
        read_element(parts, std::string{"cpu/"} + name, cpu.child(name));
    }
    for (const auto* name : tune_features) {
        read_element(parts, std::string{"cpu/feature:"} + name,
                     cpu.find_child_by_attribute("feature", "name", name));
    }
    return parts;
}

void put_back_parts(pugi::xml_node domain, const DefinitionParts& parts)
{
    with_part(parts, "vcpu",
              [&](const std::string& text) { put_back_vcpu(domain.child("vcpu"), text); });
    with_part(parts, "vcpus", [&](const std::string& text) {
        put_back_element(domain, domain.child("vcpus"), text);
    });
    with_part(parts, "os/smbios", [&](const std::string& text) {
        put_back_element(domain.child("os"), domain.child("os").child("smbios"), text);
    });
    put_back_vcpu_keys(domain, parts);
    const auto speaks_of_cpu = [](const auto& part) {
        return part.first.rfind("cpu", 0) == 0 && part.first.rfind("cputune", 0) != 0 &&
               !part.second.empty();
    };
    auto cpu = domain.child("cpu");
    if (!cpu && std::any_of(parts.begin(), parts.end(), speaks_of_cpu)) {
        cpu = insert_in_order(domain, "cpu");
    }
    if (cpu) {
        put_back_cpu(cpu, parts);
    }
}

} // namespace virtpind::host
