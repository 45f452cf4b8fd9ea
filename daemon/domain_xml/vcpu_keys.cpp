// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vcpu_keys.hpp"

#include "common/model/part_table.hpp"
#include "xml_editor.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

namespace {

constexpr const char* monitor = "monitor";

bool is_keyed(const pugi::xml_node& node)
{
    const auto table = part_table();
    return std::any_of(table.begin(), table.end(), [&node](const PartRow& row) {
        return row.form == PartForm::keyed && row.tag == std::string_view{node.name()};
    });
}

bool is_element(const pugi::xml_node& node)
{
    return node.type() == pugi::node_element;
}

// Whether there is something to it but its vCPUs and monitors: a scheduler needs no more.
bool says_more(const pugi::xml_node& element)
{
    return element.name() == std::string_view{"vcpusched"} ||
           element.find_child([](const pugi::xml_node& child) {
               return is_element(child) && child.name() != std::string_view{monitor};
           });
}

// Whether something is left of the list.
bool renumber(pugi::xml_node element, const std::map<VcpuId, VcpuId>& numbers)
{
    Reader reader;
    VcpuSet vcpus;
    const auto before = reader.id_set<VcpuId>(element, "vcpus");
    for (const auto vcpu : before) {
        if (const auto at = numbers.find(vcpu); at != numbers.end()) {
            vcpus.insert(at->second);
        }
    }
    if (vcpus != before) {
        set_attribute(element, "vcpus", vcpus.str());
    }
    return !vcpus.empty();
}

std::vector<pugi::xml_node> children_of(const pugi::xml_node& parent, const char* name)
{
    const auto range = parent.children(name);
    return {range.begin(), range.end()};
}

// Whether the same elements are there, so that writing the lists of vCPUs was enough.
bool revert_lists(const std::vector<pugi::xml_node>& now, const std::vector<pugi::xml_node>& then)
{
    if (now.size() != then.size()) {
        return false;
    }
    const auto without_lists = [](const pugi::xml_node& element) {
        pugi::xml_document copy;
        auto root = copy.append_copy(element);
        root.remove_attribute("vcpus");
        for (auto child : root.children(monitor)) {
            child.remove_attribute("vcpus");
        }
        return normal_text(root);
    };
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (without_lists(now[i]) != without_lists(then[i])) {
            return false;
        }
    }
    const auto write = [](pugi::xml_node to, const pugi::xml_node& from) {
        if (std::string_view{to.attribute("vcpus").value()} != from.attribute("vcpus").value()) {
            set_attribute(to, "vcpus", from.attribute("vcpus").value());
        }
    };
    for (std::size_t i = 0; i < now.size(); ++i) {
        write(now[i], then[i]);
        const auto monitors = children_of(now[i], monitor);
        const auto before = children_of(then[i], monitor);
        for (std::size_t k = 0; k < monitors.size(); ++k) {
            write(monitors[k], before[k]);
        }
    }
    return true;
}

} // namespace

void read_vcpu_keys(Reader& reader, const pugi::xml_node& domain, CpuDefinition& cpus)
{
    for (const auto element : domain.child("cputune").children()) {
        if (!is_keyed(element)) {
            continue;
        }
        VcpuKeyed keyed{.element = element.name(),
                        .vcpus = reader.id_set<VcpuId>(element, "vcpus"),
                        .monitors = {},
                        .more = says_more(element)};
        for (const auto child : element.children(monitor)) {
            keyed.monitors.push_back(reader.id_set<VcpuId>(child, "vcpus"));
        }
        const std::string_view scheduler = element.attribute("scheduler").value();
        if (scheduler == "fifo" || scheduler == "rr") {
            cpus.realtime |= keyed.vcpus;
        }
        cpus.keyed.push_back(std::move(keyed));
    }
}

void renumber_vcpu_keys(pugi::xml_node domain, const std::map<VcpuId, VcpuId>& numbers)
{
    for (auto element = domain.child("cputune").first_child(); element;) {
        auto here = element;
        element = element.next_sibling();
        if (!is_keyed(here)) {
            continue;
        }
        auto keeps = renumber(here, numbers);
        for (const auto& child : children_of(here, monitor)) {
            if (!renumber(child, numbers)) {
                remove_element(child);
            }
        }
        keeps = keeps && (says_more(here) || here.child(monitor));
        if (!keeps) {
            remove_element(here);
        }
    }
}

std::string read_vcpu_keys_text(const pugi::xml_node& domain, const char* element)
{
    std::string text;
    for (const auto one : domain.child("cputune").children(element)) {
        text += normal_text(one);
    }
    return text;
}

void revert_vcpu_keys(pugi::xml_node domain, const char* element, const std::string& text)
{
    pugi::xml_document document;
    if (!text.empty() && !document.load_string(("<parts>" + text + "</parts>").c_str())) {
        return;
    }
    const auto then = children_of(document.child("parts"), element);
    auto cputune = domain.child("cputune");
    const auto now = children_of(cputune, element);
    if (revert_lists(now, then)) {
        return;
    }
    if (!cputune) {
        cputune = insert_in_order(domain, "cputune");
    }
    auto anchor = now.empty() ? last_element(cputune) : now.back();
    for (const auto& from : then) {
        anchor = insert_element(cputune, anchor, element);
        fill_like(anchor, from);
    }
    for (const auto& old : now) {
        remove_element(old);
    }
}

} // namespace virtpind
