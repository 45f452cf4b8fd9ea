// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_elements.hpp"

#include "common/model/part_table.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

namespace virtpind {

namespace {

enum class Text { hidden, shown };

// An element with those of its attributes, and of the elements in it, that are shown. One without
// attributes is shown for what is in it only.
struct Shown {
    const char* name;
    std::vector<const char*> attributes;
    std::vector<Shown> inside;
    Text text = Text::hidden;
};

const std::vector<Shown>& shown_elements()
{
    static const std::vector<Shown> shown{
        {"vcpu", {"placement", "cpuset", "current"}, {}, Text::shown},
        {"vcpus", {}, {{"vcpu", {"id", "enabled", "hotpluggable", "order"}, {}}}},
        {"iothreadids", {}, {{"iothread", {"id"}, {}}}},
        {"cputune",
         {},
         {{"vcpupin", {"vcpu", "cpuset"}, {}},
          {"emulatorpin", {"cpuset"}, {}},
          {"iothreadpin", {"iothread", "cpuset"}, {}},
          {"vcpusched", {"vcpus", "scheduler", "priority"}, {}},
          {"cachetune",
           {"vcpus"},
           {{"cache", {"id", "level", "type", "size", "unit"}, {}},
            {"monitor", {"level", "vcpus"}, {}}}},
          {"memorytune",
           {"vcpus"},
           {{"node", {"id", "bandwidth"}, {}}, {"monitor", {"vcpus"}, {}}}}}},
        {"numatune",
         {},
         {{"memory", {"mode", "nodeset", "placement"}, {}},
          {"memnode", {"cellid", "mode", "nodeset"}, {}}}},
        {"os", {}, {{"smbios", {"mode"}, {}}}},
        {"cpu",
         {"mode", "match", "check", "migratable"},
         {{"model", {"fallback"}, {}, Text::shown},
          {"vendor", {}, {}, Text::shown},
          {"topology", {"sockets", "dies", "clusters", "cores", "threads"}, {}},
          {"cache", {"level", "mode"}, {}},
          {"numa", {}, {{"cell", {"id", "cpus", "memory", "unit"}, {}}}},
          {"feature", {"policy", "name"}, {}}}},
    };
    return shown;
}

bool is_own_feature(const pugi::xml_node& element)
{
    const auto table = part_table();
    const std::string_view name = element.attribute("name").value();
    return std::any_of(table.begin(), table.end(), [name](const PartRow& row) {
        return row.form == PartForm::feature && row.tag == name;
    });
}

void copy_element(const pugi::xml_node& from, pugi::xml_node to, const Shown& shown)
{
    auto copy = to.append_child(shown.name);
    for (const auto* name : shown.attributes) {
        if (const auto attribute = from.attribute(name)) {
            copy.append_attribute(name).set_value(attribute.value());
        }
    }
    if (shown.text == Text::shown) {
        copy.append_child(pugi::node_pcdata).set_value(trimmed_text(from).c_str());
    }
    for (const auto& inner : shown.inside) {
        for (const auto child : from.children(inner.name)) {
            if (inner.name != std::string_view{"feature"} || is_own_feature(child)) {
                copy_element(child, copy, inner);
            }
        }
    }
    if (shown.attributes.empty() && !copy.first_child()) {
        to.remove_child(copy);
    }
}

} // namespace

std::string own_elements(const pugi::xml_node& domain)
{
    pugi::xml_document shown;
    const auto all = shown.append_child("domain");
    for (const auto& element : shown_elements()) {
        for (const auto child : domain.children(element.name)) {
            copy_element(child, all, element);
        }
    }
    std::ostringstream out;
    shown.save(out, "  ",
               pugi::format_indent | pugi::format_no_declaration |
                   pugi::format_attribute_single_quote,
               pugi::encoding_utf8);
    return out.str();
}

} // namespace virtpind
