// SPDX-License-Identifier: LGPL-2.1-or-later
// What the readers of domain XML share: bounded loading, and fields that keep the first error.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"

#include <pugixml.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// Loads into `document`, with every blank and comment, and answers its <domain>, which lives as
// long as the document. A DOCTYPE is refused. Errors: limits_exceeded, invalid_argument.
[[nodiscard]] Result<pugi::xml_node> load_domain(pugi::xml_document& document,
                                                 std::string_view text);

// Whether elements are nested deeper than a domain XML may be: not for functions that recurse.
[[nodiscard]] bool is_too_deep(pugi::xml_document& document);

// What namespace an element is in: pugixml does not know of namespaces.
[[nodiscard]] std::string_view namespace_of(const pugi::xml_node& element);

// Text of an element without the blanks around it: hand-written files have them.
[[nodiscard]] std::string trimmed_text(const pugi::xml_node& node);

// An element as text, laid out as it was read.
[[nodiscard]] std::string to_text(const pugi::xml_node& node);

// Reads attributes and text; keeps the first error, so that a reader is a list of its fields.
class Reader {
public:
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

    void fail(Errc code, std::string message);

    // A number of at most `most`; `fallback` where the text is empty. `where` is for the error.
    std::uint64_t number(std::string_view text, std::string_view where, std::uint64_t most,
                         std::uint64_t fallback, int base = 10);

    // An attribute that is an id or a small count: below id_set_limit.
    std::uint32_t small_number(const pugi::xml_node& node, const char* attribute,
                               std::uint32_t fallback);

    // A size with one of libvirt's units ("" is KiB), in KiB.
    std::uint64_t size_kib(std::string_view text, std::string_view unit, std::string_view where);

    // An attribute that is a list of ids; empty where it is absent. Behind the last one libvirt
    // takes a comma, too: "4,5,".
    template <class Id>
    IdSet<Id> id_set(const pugi::xml_node& node, const char* attribute)
    {
        std::string_view text = node.attribute(attribute).value();
        if (text.size() > 1 && text.ends_with(',') && text[text.size() - 2] != ',') {
            text.remove_suffix(1);
        }
        auto ids = IdSet<Id>::parse(text);
        if (!ids) {
            fail(Errc::invalid_argument,
                 std::string{node.name()} + "/@" + attribute + ": " + ids.error().message);
            return {};
        }
        return std::move(*ids);
    }

private:
    std::optional<Error> error_;
};

} // namespace virtpind
