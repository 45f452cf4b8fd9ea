// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition_calls.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "common/model/part_table.hpp"
#include "common/model/policy.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/undo_note_xml.hpp"
#include "error.hpp"
#include "observer.hpp"
#include "pin_calls.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace virtpind {

namespace {

// Errors are shown to everybody, and what libvirt says of a definition may quote it: that is for
// the log.
Error definition_error()
{
    auto error = last_error();
    if (error.code == Errc::host_unavailable || error.code == Errc::timed_out ||
        error.code == Errc::permission_denied || error.code == Errc::not_found) {
        return error;
    }
    log_warning("libvirt does not take a definition: {}", printable(error.message, 1024));
    error.message = "libvirt does not take the definition (its error " +
                    std::to_string(error.native_code) +
                    "); what it says of it, which may quote it, is in the log (journalctl -u "
                    "virtpind)";
    return error;
}

Result<void> define(virConnectPtr connection, const std::string& text)
{
    const unsigned checked = VIR_DOMAIN_DEFINE_VALIDATE;
    const auto flags = text.size() <= validated_bytes_max ? checked : 0U;
    DomainHandle defined{virDomainDefineXMLFlags(connection, text.c_str(), flags)};
    if (!defined && virGetLastErrorCode() == VIR_ERR_XML_INVALID_SCHEMA) {
        // It did not suit the schema before either, or libvirt would have refused our few elements
        // for what they are.
        log_warning("a definition does not suit libvirt's schema and is written without that "
                    "check; `virt-xml-validate` tells where: {}",
                    printable(last_error().message, 1024));
        defined.reset(virDomainDefineXMLFlags(connection, text.c_str(), 0));
    }
    if (!defined) {
        return definition_error();
    }
    return {};
}

// The domain as it is by now, whatever its name is.
DomainHandle find_again(const VirtConnection& connection, virDomainPtr domain)
{
    return DomainHandle{
        virDomainLookupByUUIDString(connection.raw(), uuid_of(domain).str().c_str())};
}

// Whether the definition has the pins that we wrote: nobody else would have written these.
bool has_our_pins(virDomainPtr domain, const DefinitionParts& meant)
{
    const auto text = read_definition(domain);
    const auto now =
        text ? parse_domain_xml(*text, PolicyCatalog{}, XmlKind::config) : text.error();
    const auto is_pin = [](const auto& part) {
        const auto* const row = find_part(part.first);
        return row != nullptr && row->parent == std::string_view{"cputune"};
    };
    return now && now->definition && std::all_of(meant.begin(), meant.end(), [&](const auto& part) {
               const auto at = now->defined_cpus()->parts.find(part.first);
               return !is_pin(part) ||
                      (at != now->defined_cpus()->parts.end() && at->second == part.second);
           });
}

// Its owner undefined it in the moment of our call, which so defined it anew. What was there
// besides, they kept or removed; anything that came since is a reason not to go on.
Result<DefinitionOutcome> undefine_again(const VirtConnection& connection, virDomainPtr domain,
                                         const std::string& was_named, const DefinitionParts& meant)
{
    using enum DefinitionOutcome::What;
    const auto name = printable(was_named);
    const auto was_active = virDomainGetID(domain) != static_cast<unsigned>(-1);
    const auto now = find_again(connection, domain);
    if (!now || !is_defined(now.get())) {
        return DefinitionOutcome{.what = was_active ? edited : gone, .meant = {}};
    }
    const auto is_started = !was_active && virDomainIsActive(now.get()) == 1;
    if (is_started || virDomainGetName(now.get()) != was_named || !has_our_pins(now.get(), meant)) {
        return DefinitionOutcome{.what = edited, .meant = {}}; // somebody else wants it by now
    }
    const auto flags = connection.is_test_driver()
                           ? 0U
                           : static_cast<unsigned>(VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) |
                                 static_cast<unsigned>(VIR_DOMAIN_UNDEFINE_KEEP_TPM);
    if (virDomainUndefineFlags(now.get(), flags) < 0) {
        return last_error().failed_to("undefine " + name +
                                      " again, which was undefined while its "
                                      "definition was written");
    }
    log_info("{}: it was undefined while its definition was written, and stays undefined", name);
    return DefinitionOutcome{.what = was_active ? edited : gone, .meant = {}};
}

} // namespace

Result<std::string> read_definition(virDomainPtr domain)
{
    return read_xml(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
}

bool is_defined(virDomainPtr domain)
{
    return virDomainIsPersistent(domain) == 1;
}

Result<void> write_note(virDomainPtr domain, const UndoNote& note, unsigned flags)
{
    const auto element = format_undo_note(note);
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                             note.empty() ? nullptr : element.c_str(), undo_prefix, undo_namespace,
                             flags) < 0) {
        return last_error().failed_to("note how it was before");
    }
    return {};
}

Result<void> pin_in_definition(virDomainPtr domain, const std::vector<PinAction>& pins,
                               const std::optional<UndoNote>& note)
{
    if (note) {
        if (auto noted = write_note(domain, *note, VIR_DOMAIN_AFFECT_CONFIG); !noted) {
            return noted;
        }
    }
    for (const auto& pin : pins) {
        if (auto called = call_pin(domain, pin, VIR_DOMAIN_AFFECT_CONFIG); !called) {
            const auto action = std::visit([](const auto& one) -> LiveAction { return one; }, pin);
            return std::move(called).error().failed_to(describe(action));
        }
    }
    return {};
}

Result<DefinitionOutcome> explain_failure(const VirtConnection& connection, virDomainPtr domain,
                                          const std::string& was_named, Error error)
{
    using enum DefinitionOutcome::What;
    if (error.code == Errc::host_unavailable) {
        return error;
    }
    const auto now = find_again(connection, domain);
    if (!now) {
        return last_error().code == Errc::not_found
                   ? Result<DefinitionOutcome>{{.what = gone, .meant = {}}}
                   : std::move(error);
    }
    if (virDomainGetName(now.get()) != was_named || !is_defined(now.get())) {
        return DefinitionOutcome{.what = edited, .meant = {}};
    }
    return error;
}

Result<DefinitionOutcome> replace_definition(const VirtConnection& connection, virDomainPtr domain,
                                             const std::string& was_named, const std::string& text,
                                             const DefinitionParts& says)
{
    if (auto defined = define(connection.raw(), text); !defined) {
        return explain_failure(connection, domain, was_named, std::move(defined).error());
    }
    const auto defined = find_again(connection, domain);
    if (!defined) {
        return last_error().code == Errc::not_found
                   ? Result<DefinitionOutcome>{{.what = DefinitionOutcome::What::gone, .meant = {}}}
                   : last_error();
    }
    const auto raised = connection.watch().has_raised(defined.get());
    if (!raised) {
        return Error{raised.error()}.failed_to(
            "tell whether it was undefined while its definition was written");
    }
    if (*raised) {
        return undefine_again(connection, domain, was_named, says);
    }
    return DefinitionOutcome{
        .what = DefinitionOutcome::What::written, .meant = says, .whole = true};
}

} // namespace virtpind
