// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_elements.hpp"

#include "xml_reader.hpp"

#include <pugixml.hpp>

#include <array>
#include <cstddef>
#include <sstream>
#include <vector>

namespace virtpind::host {

namespace {

enum class Text { hidden, shown };

// An element by its path below <domain>, with those of its attributes that are shown.
struct Shown {
    std::vector<const char*> path;
    std::vector<const char*> attributes;
    Text text = Text::hidden;
};

// The parents of those that are listed come along without attributes, unless they are listed too.
const std::vector<Shown>& shown_elements()
{
    static const std::vector<Shown> shown{
        {{"vcpu"}, {"placement", "cpuset", "current"}, Text::shown},
        {{"vcpus", "vcpu"}, {"id", "enabled", "hotpluggable", "order"}},
        {{"iothreadids", "iothread"}, {"id"}},
        {{"cputune", "vcpupin"}, {"vcpu", "cpuset"}},
        {{"cputune", "emulatorpin"}, {"cpuset"}},
        {{"cputune", "iothreadpin"}, {"iothread", "cpuset"}},
        {{"numatune", "memory"}, {"mode", "nodeset", "placement"}},
        {{"numatune", "memnode"}, {"cellid", "mode", "nodeset"}},
        {{"os", "smbios"}, {"mode"}},
        {{"cpu"}, {"mode", "match", "check", "migratable"}},
        {{"cpu", "model"}, {"fallback"}, Text::shown},
        {{"cpu", "vendor"}, {}, Text::shown},
        {{"cpu", "topology"}, {"sockets", "dies", "clusters", "cores", "threads"}},
        {{"cpu", "cache"}, {"level", "mode"}},
        {{"cpu", "numa", "cell"}, {"id", "cpus", "memory", "unit"}},
    };
    return shown;
}

constexpr std::array own_features{"hypervisor", "topoext", "invtsc"};

pugi::xml_node parent_in(pugi::xml_node to, const std::vector<const char*>& path)
{
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        const auto there = to.child(path[i]);
        to = there ? there : to.append_child(path[i]);
    }
    return to;
}

void copy_element(const pugi::xml_node& from, pugi::xml_node to,
                  const std::vector<const char*>& attributes, Text text)
{
    auto copy = to.append_child(from.name());
    for (const auto* name : attributes) {
        if (const auto attribute = from.attribute(name)) {
            copy.append_attribute(name).set_value(attribute.value());
        }
    }
    if (text == Text::shown) {
        copy.append_child(pugi::node_pcdata).set_value(trimmed_text(from).c_str());
    }
}

void copy_shown(const pugi::xml_node& domain, pugi::xml_node to)
{
    for (const auto& element : shown_elements()) {
        auto from = domain;
        for (std::size_t i = 0; i + 1 < element.path.size(); ++i) {
            from = from.child(element.path[i]);
        }
        for (const auto child : from.children(element.path.back())) {
            copy_element(child, parent_in(to, element.path), element.attributes, element.text);
        }
    }
    for (const auto* name : own_features) {
        for (const auto feature : domain.child("cpu").children("feature")) {
            if (feature.attribute("name").value() == std::string_view{name}) {
                copy_element(feature, parent_in(to, {"cpu", "feature"}), {"policy", "name"},
                             Text::hidden);
            }
        }
    }
}

} // namespace

Result<std::string> own_elements(std::string_view text)
{
    pugi::xml_document document;
    const auto domain = load_domain(document, text);
    if (!domain) {
        return domain.error();
    }
    pugi::xml_document shown;
    copy_shown(*domain, shown.append_child("domain"));
    std::ostringstream out;
    shown.save(out, "  ",
               pugi::format_indent | pugi::format_no_declaration |
                   pugi::format_attribute_single_quote,
               pugi::encoding_utf8);
    return out.str();
}

} // namespace virtpind::host
