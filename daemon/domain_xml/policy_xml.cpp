// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_xml.hpp"

#include "common/base/messages.hpp"
#include "common/model/policy_options.hpp"
#include "xml_reader.hpp"

namespace virtpind {

namespace {

Error bad_policy(std::string message)
{
    return Error{.code = Errc::invalid_policy, .message = std::move(message)};
}

Result<PolicySpec> read_policy(const pugi::xml_node& element, const PolicyCatalog& catalog)
{
    const std::string_view qualified = element.name();
    if (const auto local = qualified.substr(qualified.find(':') + 1); local != "policy") {
        return bad_policy(unknown_word("element", local, {"policy"}));
    }
    if (const auto child = element.find_child(
            [](const pugi::xml_node& node) { return node.type() == pugi::node_element; })) {
        return bad_policy(in_quotes(child.name()) + " is inside <policy>; options are attributes");
    }
    std::string policy_name;
    OptionMap options;
    for (const auto attribute : element.attributes()) {
        const std::string_view name = attribute.name();
        if (name == "xmlns" || name.starts_with("xmlns:")) {
            continue;
        }
        if (name == "name") {
            policy_name = attribute.value();
            continue;
        }
        const auto* option = find_option(name);
        if (option == nullptr) {
            return bad_policy(unknown_word("option", name, option_names()));
        }
        auto value = parse_option_text(*option, attribute.value());
        if (!value) {
            return std::move(value).error();
        }
        if (!options.emplace(name, std::move(*value)).second) {
            return bad_policy("option " + in_quotes(name) + " is there twice; keep one");
        }
    }
    return make_policy_spec(catalog, policy_name, std::move(options), PolicyName::optional);
}

} // namespace

MetadataPolicy read_policy_metadata(const pugi::xml_node& domain, const PolicyCatalog& catalog)
{
    for (const auto element : domain.child("metadata").children()) {
        if (element.type() != pugi::node_element || namespace_of(element) != policy_namespace) {
            continue;
        }
        auto policy = read_policy(element, catalog);
        if (!policy) {
            return {std::move(policy).error().failed_to("read the policy in the metadata")};
        }
        return {std::move(policy)};
    }
    return {};
}

std::string format_policy_element(const PolicySpec& policy)
{
    pugi::xml_document document;
    auto element = document.append_child("policy");
    if (!policy.name.empty()) {
        element.append_attribute("name") = policy.name.c_str();
    }
    for (const auto& [name, value] : policy.options) {
        element.append_attribute(name.c_str()) = option_text(value).c_str();
    }
    return to_text(element);
}

} // namespace virtpind
