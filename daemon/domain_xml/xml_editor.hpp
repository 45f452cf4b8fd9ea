// SPDX-License-Identifier: LGPL-2.1-or-later
// What the editors of domain XML share: adding and removing elements so that the rest, blanks and
// comments included, stays as it was. For documents loaded by load_domain().
#pragma once

#include <pugixml.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace virtpind {

[[nodiscard]] bool is_blank(const pugi::xml_node& node);

// A new element on a line of its own, indented like its siblings, after `anchor` or, without one,
// in front of all children.
pugi::xml_node insert_element(pugi::xml_node parent, const pugi::xml_node& anchor,
                              const char* name);

// A new child of <domain>, <os> or <cpu> where libvirt itself puts it: behind those children of its
// kind and of the kinds that come before it.
pugi::xml_node insert_in_order(pugi::xml_node parent, const char* name);

// With the line it stands on.
void remove_element(pugi::xml_node element);

// The last child that has one of these names.
[[nodiscard]] pugi::xml_node last_of(const pugi::xml_node& parent,
                                     std::initializer_list<std::string_view> names);

// The last child that is an element.
[[nodiscard]] pugi::xml_node last_element(const pugi::xml_node& parent);

void set_attribute(pugi::xml_node element, const char* name, const std::string& value);

// The document as text. `before` is what it was loaded from: attributes are quoted as there
// (libvirt writes single quotes, people often double ones), so that a diff shows only what changed.
[[nodiscard]] std::string edited_text(const pugi::xml_document& document, std::string_view before);

// An element in the normal form of parts: attributes by name, neither comments nor blanks.
[[nodiscard]] std::string normal_text(const pugi::xml_node& element);

// Makes the empty `element` say what `from` says, laid out like its surroundings.
void fill_like(pugi::xml_node element, const pugi::xml_node& from);

} // namespace virtpind
