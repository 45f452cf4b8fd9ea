// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition_parts.hpp"

#include "common/model/parts.hpp"
#include "vcpu_keys.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <utility>

namespace virtpind {

namespace {

constexpr const char* is_there = "there";

pugi::xml_node parent_of(const pugi::xml_node& domain, const PartRow& row)
{
    return *row.parent != '\0' ? domain.child(row.parent) : domain;
}

std::optional<std::string> normal_text_of(const pugi::xml_node& element)
{
    return element ? std::optional{normal_text(element)} : std::nullopt;
}

// <vcpu> as its own part: the cpuset is one of the pins.
std::optional<std::string> normal_vcpu(const pugi::xml_node& vcpu)
{
    pugi::xml_document copy;
    auto own = copy.append_copy(vcpu);
    own.remove_attribute("cpuset");
    return normal_text_of(own);
}

// An element that stands for a part goes to the place of `old` where that is there.
void revert_element(pugi::xml_node parent, pugi::xml_node old, const std::string& text)
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

void revert_vcpu(pugi::xml_node vcpu, const std::string& text)
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

void revert_attribute(pugi::xml_node element, const char* name, const std::string& value)
{
    if (value.empty()) {
        element.remove_attribute(name);
    } else {
        set_attribute(element, name, value);
    }
}

bool says_nothing(const pugi::xml_node& element)
{
    return !element.first_attribute() &&
           !element.find_child([](const auto& node) { return !is_blank(node); });
}

void revert_presence(pugi::xml_node domain, const char* name, const std::string& value)
{
    const auto element = domain.child(name);
    if (!element && !value.empty()) {
        insert_in_order(domain, name);
    } else if (element && value.empty() && says_nothing(element)) {
        remove_element(element);
    }
}

void revert_part(pugi::xml_node domain, const PartRow& row, const std::string& value)
{
    auto parent = parent_of(domain, row);
    if (!parent && row.form != PartForm::keyed) {
        if (value.empty()) {
            return;
        }
        parent = insert_in_order(domain, row.parent);
    }
    switch (row.form) {
    case PartForm::element:
    case PartForm::feature:
        revert_element(parent, find_element(domain, row), value);
        break;
    case PartForm::attribute:
        revert_attribute(parent, row.tag, value);
        break;
    case PartForm::vcpu:
        revert_vcpu(domain.child(row.tag), value);
        break;
    case PartForm::keyed:
        revert_vcpu_keys(domain, row.tag, value);
        break;
    case PartForm::presence:
        revert_presence(domain, row.tag, value);
        break;
    case PartForm::pin:
    case PartForm::thread_pins:
        break;
    }
}

} // namespace

pugi::xml_node find_element(const pugi::xml_node& domain, const PartRow& row)
{
    const auto parent = parent_of(domain, row);
    return row.form == PartForm::attribute ? parent
           : row.form == PartForm::feature
               ? parent.find_child_by_attribute("feature", "name", row.tag)
               : parent.child(row.tag);
}

std::optional<std::string> read_part(const pugi::xml_node& domain, const PartRow& row)
{
    const auto element = find_element(domain, row);
    if (!element) {
        return std::nullopt;
    }
    switch (row.form) {
    case PartForm::element:
    case PartForm::feature:
        return normal_text_of(element);
    case PartForm::attribute: {
        const auto attribute = element.attribute(row.tag);
        return attribute ? std::optional<std::string>{attribute.value()} : std::nullopt;
    }
    case PartForm::vcpu:
        return normal_vcpu(element);
    case PartForm::keyed:
        return read_vcpu_keys_text(domain, row.tag);
    case PartForm::presence:
        return is_there;
    case PartForm::pin:
    case PartForm::thread_pins:
        break;
    }
    return std::nullopt;
}

DefinitionParts read_parts(const pugi::xml_node& domain)
{
    DefinitionParts parts;
    for (const auto& row : part_table()) {
        if (auto value = read_part(domain, row)) {
            parts.emplace(row.name, std::move(*value));
        }
    }
    return parts;
}

void revert_parts(pugi::xml_node domain, const DefinitionParts& parts)
{
    for (const auto& row : part_table()) {
        if (const auto at = parts.find(row.name); at != parts.end()) {
            revert_part(domain, row, at->second);
        }
    }
}

} // namespace virtpind
