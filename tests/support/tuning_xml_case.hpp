// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests of tests/golden/tuning, tuned, for tests of their XML.
#pragma once

#include "common/base/text_file.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/xml_reader.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

namespace virtpind::test {

inline const std::set<Tune> every_tune{
    Tune::cache_passthrough, Tune::topoext,         Tune::invtsc,
    Tune::no_migrate,        Tune::hide_hypervisor, Tune::host_smbios};

inline std::string golden(const std::string& name)
{
    const auto* directory = std::getenv("VIRTPIND_GOLDEN_TUNING");
    const auto text = read_text_file(
        std::filesystem::path{directory != nullptr ? directory : "."} / name, domain_xml_bytes_max);
    EXPECT_TRUE(text) << "set VIRTPIND_GOLDEN_TUNING to tests/golden/tuning";
    return text ? *text : "<domain/>";
}

inline std::string plain_guest(int vcpus)
{
    auto text = golden("plain.xml");
    return text.replace(text.find("VCPUS"), 5, std::to_string(vcpus));
}

// What an element means: without the order of attributes and without blanks between elements.
inline std::string meaning_of(const pugi::xml_node& node)
{
    if (node.type() != pugi::node_element) {
        const std::string text = node.value();
        return text.find_first_not_of(" \n") == std::string::npos ? "" : "[" + text + "]";
    }
    std::set<std::string> attributes;
    for (const auto attribute : node.attributes()) {
        attributes.insert(std::string{" "} + attribute.name() + "=" + attribute.value());
    }
    std::string text = std::string{"<"} + node.name();
    for (const auto& attribute : attributes) {
        text += attribute;
    }
    text += ">\n";
    for (const auto child : node.children()) {
        text += meaning_of(child);
    }
    return text + "</>\n";
}

inline std::string meaning_of(const std::string& text)
{
    pugi::xml_document document;
    const auto domain = load_domain(document, text);
    return domain ? meaning_of(*domain) : domain.error().message;
}

inline std::string applied(const std::string& text, const GuestTuning& tuning)
{
    const auto edited = edit_definition(text, {.tuning = tuning});
    EXPECT_TRUE(edited) << edited.error().message;
    const auto again = edited ? edit_definition(*edited, {.tuning = tuning}) : edited;
    EXPECT_TRUE(again && *again == *edited) << "applying twice changes something";
    return edited ? *edited : "";
}

} // namespace virtpind::test
