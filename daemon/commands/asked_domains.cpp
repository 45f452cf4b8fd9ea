// SPDX-License-Identifier: LGPL-2.1-or-later
#include "asked_domains.hpp"

#include "command_connection.hpp"
#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"
#include "common/base/uuid.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/libvirt/observer.hpp"
#include "input_kind.hpp"
#include "scenario_json.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace virtpind {

namespace {

bool is_file(const std::string& name)
{
    using Type = std::filesystem::file_type;
    std::error_code ignored; // what cannot even be looked at is read, and that says why not
    const auto type = std::filesystem::status(name, ignored).type();
    // The folder of a guest's disks often has the guest's name.
    return name == "-" || name.find('/') != std::string::npos ||
           (type != Type::not_found && type != Type::directory);
}

Result<AskedDomain> read_domain_file(const std::string& name, const PolicyCatalog& catalog)
{
    AskedDomain file{.label = name == "-" ? "/dev/stdin" : name, .text = {}, .seen = {}};
    auto text = read_text_file(file.label, domain_xml_bytes_max);
    if (!text) {
        return std::move(text).error();
    }
    file.text = std::move(*text);
    auto seen = parse_domain_xml(file.text, catalog, XmlKind::config);
    if (!seen) {
        const auto other = instead_of_definition(file.text);
        return (other ? Error{.code = Errc::invalid_argument, .message = *other}
                      : std::move(seen).error())
            .failed_to(to_read(file));
    }
    file.seen = std::move(*seen);
    if (file.seen.facts.active()) {
        file.seen.running = {
            .pins = file.seen.pins_in_force()}; // dumped from a running domain: its pins are live
    }
    return file;
}

const ObservedDomain* find_domain(const Observation& seen, const std::string& name)
{
    const auto uuid = parse_uuid(name);
    const auto find = [&seen](auto is_it) {
        const auto at = std::find_if(seen.domains.begin(), seen.domains.end(), is_it);
        return at != seen.domains.end() ? &*at : nullptr;
    };
    const auto* by_uuid =
        uuid ? find([&uuid](const auto& domain) { return domain.facts.uuid == *uuid; }) : nullptr;
    return by_uuid != nullptr
               ? by_uuid
               : find([&name](const auto& domain) { return domain.facts.name == name; });
}

Error no_such_domain(const std::string& name, const Observation& seen, const std::string& uri)
{
    Words names;
    for (const auto& domain : seen.domains) {
        names.push_back(domain.facts.name);
    }
    return Error{.code = Errc::not_found,
                 .message = in_quotes(name) + " is neither a file nor a domain of libvirt (" + uri +
                            ")" + did_you_mean(name, names) + "; virsh -c " + uri +
                            " list --all shows the domains"};
}

// The domain's definition and its running side, as libvirt has them now.
Result<AskedDomain> read_named_domain(const VirtConnection& connection, const ObservedDomain& seen)
{
    AskedDomain domain{.label = seen.facts.name, .text = {}, .seen = seen};
    if (!seen.running && !seen.definition) {
        const auto& why = seen.facts.metadata.content;
        return (why && !*why ? Error{why->error()}
                             : Error{.code = Errc::internal, .message = "its XML is unreadable"})
            .failed_to(to_read(domain));
    }
    auto text = read_public_definition(connection, seen.facts.uuid);
    if (!text) {
        return std::move(text).error().failed_to(to_read(domain));
    }
    domain.text = std::move(*text);
    return domain;
}

// Puts the named domains in their places among the files.
Result<void> ask_libvirt(const PlanOptions& options, const PolicyCatalog& catalog,
                         const VirtConnection& connection,
                         std::vector<std::optional<AskedDomain>>& asked, AskedDomains& domains)
{
    domains.libvirt_uri = connection.identity().uri;
    auto seen = observe_host(connection, catalog, ObserveDepth::definitions);
    if (!seen) {
        return std::move(seen).error();
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (asked[i]) {
            continue;
        }
        const auto* found = find_domain(*seen, options.domains[i]);
        if (found == nullptr) {
            return no_such_domain(options.domains[i], *seen, domains.libvirt_uri);
        }
        auto domain = read_named_domain(connection, *found);
        if (!domain) {
            return std::move(domain).error();
        }
        asked[i] = std::move(*domain);
    }
    for (auto& domain : seen->domains) {
        if (domain.facts.active()) {
            domains.beside.push_back(std::move(domain));
        }
    }
    return {};
}

bool is_among(const std::vector<AskedDomain>& domains, const DomainUuid& uuid)
{
    return std::any_of(domains.begin(), domains.end(), [&uuid](const AskedDomain& domain) {
        return domain.seen.facts.uuid == uuid;
    });
}

// A domain without a UUID gets one; two with the same are refused.
Result<void> add_domain(AskedDomain domain, std::vector<AskedDomain>& domains)
{
    auto& uuid = domain.seen.facts.uuid;
    uuid = uuid.str().empty() ? made_up_uuid(domains.size()) : uuid;
    const auto twin =
        std::find_if(domains.begin(), domains.end(),
                     [&uuid](const AskedDomain& other) { return other.seen.facts.uuid == uuid; });
    if (twin != domains.end()) {
        return Error{.code = Errc::invalid_argument,
                     .message = "uuid: " + uuid.str() + " is also in " +
                                path_in_quotes(twin->label) + "; each domain needs its own"}
            .failed_to(to_read(domain));
    }
    domains.push_back(std::move(domain));
    return {};
}

} // namespace

std::string to_read(const AskedDomain& domain)
{
    return "read " + path_in_quotes(domain.label);
}

Result<AskedDomains> read_asked_domains(const PlanOptions& options, const PolicyCatalog& catalog,
                                        std::ostream& err)
{
    AskedDomains domains;
    std::vector<std::optional<AskedDomain>> asked;
    const std::string* first_named = nullptr;
    for (const auto& name : options.domains) {
        auto& domain = asked.emplace_back();
        if (!is_file(name)) {
            first_named = first_named != nullptr ? first_named : &name;
            continue;
        }
        auto file = read_domain_file(name, catalog);
        if (!file) {
            return std::move(file).error();
        }
        domain = std::move(*file);
    }
    if (first_named != nullptr) {
        auto found = with_connection(
            options.uri, err,
            [&](const VirtConnection& connection) {
                return ask_libvirt(options, catalog, connection, asked, domains);
            },
            Use::read);
        if (!found && domains.libvirt_uri.empty()) { // it is not even there
            return Error{.code = found.error().code,
                         .message = in_quotes(*first_named) +
                                    " is no file, and libvirt cannot be asked for a domain of this "
                                    "name: " +
                                    found.error().message +
                                    "; name the file of its definition, or libvirt with --uri"};
        }
        if (!found) {
            return std::move(found).error();
        }
    }
    for (auto& domain : asked) {
        if (auto added = add_domain(std::move(*domain), domains.asked); !added) {
            return std::move(added).error();
        }
    }
    std::erase_if(domains.beside, [&domains](const ObservedDomain& domain) {
        return is_among(domains.asked, domain.facts.uuid);
    });
    return domains;
}

} // namespace virtpind
