// SPDX-License-Identifier: LGPL-2.1-or-later
// Two ways lead to a changed definition. The narrow calls (virDomainPinVcpuFlags with CONFIG and
// its kin) change one pin inside libvirtd, so they cannot undo what somebody else edits at the same
// time; each costs one fsync (4 ms). virDomainDefineXML replaces everything: libvirt has no
// compare-and-swap, and what another client wrote between our reading and our defining would be
// lost. It is needed for removals, for NUMA memory of guest cells and for the test driver, and it
// is worth it for many pins at once. There the definition is read again right before, and an edit
// by somebody else starts over; what is left is the moment of the call itself. An edit that falls
// into it is lost; a domain that was undefined in it is undefined again.
#include "definition_writer.hpp"

#include "common/base/printable.hpp"
#include "common/model/parts.hpp"
#include "common/model/policy.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/domain_xml/definition.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/own_elements.hpp"
#include "daemon/domain_xml/tuning_xml.hpp"
#include "daemon/domain_xml/undo_note_xml.hpp"
#include "error.hpp"
#include "observer.hpp"
#include "pin_calls.hpp"

#include <libvirt/virterror.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace virtpind::host {

namespace {

// As long as a validated virDomainDefineXML takes.
constexpr std::size_t narrow_calls_max = 8;
constexpr int define_attempts = 3;

// Without SECURE, defining again would lose the passwords in it.
Result<std::string> read_definition(virDomainPtr domain)
{
    return read_xml(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
}

// Whether the definition is there still: that of a running domain may be undefined at any time, and
// defining it again would bring it back. What is read then is the running domain.
bool is_defined(virDomainPtr domain)
{
    return virDomainIsPersistent(domain) == 1;
}

// The pins of `change` that `current` does not have.
std::vector<PinAction> differing_pins(const PinSet& current, const PinSet& wanted)
{
    std::vector<PinAction> pins;
    for (const auto& [vcpu, cpus] : wanted.vcpus) {
        const auto at = current.vcpus.find(vcpu);
        if (at == current.vcpus.end() || at->second != cpus) {
            pins.emplace_back(PinVcpu{.vcpu = vcpu, .cpus = cpus});
        }
    }
    if (wanted.emulator && wanted.emulator != current.emulator) {
        pins.emplace_back(PinEmulator{.cpus = *wanted.emulator});
    }
    for (const auto& [iothread, cpus] : wanted.iothreads) {
        const auto at = current.iothreads.find(iothread);
        if (at == current.iothreads.end() || at->second != cpus) {
            pins.emplace_back(PinIothread{.iothread = iothread, .cpus = cpus});
        }
    }
    return pins;
}

// Whether narrow calls can express `change`, given what the definition says now.
bool is_narrow(const VirtConnection& connection, const PinSet& current,
               const DefinitionChange& change)
{
    const auto& wanted = change.pins;
    return !connection.is_test_driver() && change.mode == DefinitionChange::Mode::merge &&
           (!wanted.numatune || wanted.numatune == current.numatune) &&
           (!wanted.vcpu_cpuset || wanted.vcpu_cpuset == current.vcpu_cpuset) &&
           change.tuning.empty() && change.note != DefinitionChange::Note::remove;
}

// Errors are shown to everybody, and what libvirt says of a definition may quote it: that is for
// the log.
Error definition_error()
{
    auto error = last_error();
    if (error.code == Errc::host_unavailable || error.code == Errc::timed_out ||
        error.code == Errc::permission_denied || error.code == Errc::not_found) {
        return error;
    }
    spdlog::warn("libvirt does not take a definition: {}", printable(error.message, 1024));
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
        spdlog::warn("a definition does not suit libvirt's schema and is written without that "
                     "check; `virt-xml-validate` tells where: {}",
                     printable(last_error().message, 1024));
        defined.reset(virDomainDefineXMLFlags(connection, text.c_str(), 0));
    }
    if (!defined) {
        return definition_error();
    }
    return {};
}

// A definition, and what comes of it.
struct Edit {
    std::string text;
    ObservedDomain now;
    std::string edited;
    DefinitionParts next;
};

Result<Edit> make_edit(std::string text, const DefinitionChange& change)
{
    auto now = parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
    if (!now) {
        return std::move(now).error();
    }
    auto edited = edit_definition_and_tune(text, change);
    if (edited && change.note == DefinitionChange::Note::remove) {
        edited = set_undo_note(*edited, {});
    }
    if (!edited) {
        return std::move(edited).error();
    }
    auto next = parse_domain_xml(*edited, PolicyCatalog{}, XmlKind::config);
    if (!next) {
        return std::move(next).error();
    }
    if (!change.pins.iothreads.empty()) {
        // libvirt will, and that must be known as ours even if we die before reading it back.
        PinSet listed;
        listed.iothreads_listed = true;
        next->cpus->parts.merge(pin_parts(listed));
    }
    return Edit{.text = std::move(text),
                .now = std::move(*now),
                .edited = std::move(*edited),
                .next = std::move(next->cpus->parts)};
}

// Whether the definition is what libvirt makes of that edit. What differs after single pins is
// somebody else's: libvirt has its own way with whole definitions only.
bool is_what_came_of(const std::optional<DefinitionWrite>& last, const Edit& edit)
{
    return last && last->whole && last->made == edit.now.cpus->parts && last->meant == edit.next;
}

// The note first: what is ours must be known as ours, whenever we die.
Result<void> make_narrow_calls(virDomainPtr domain, const std::vector<PinAction>& pins,
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
            return std::move(called).error().context(describe(action));
        }
    }
    return {};
}

// The domain as it is by now, whatever its name is.
DomainHandle find_again(const VirtConnection& connection, virDomainPtr domain)
{
    return DomainHandle{
        virDomainLookupByUUIDString(connection.raw(), uuid_of(domain).str().c_str())};
}

// A definition could not be changed: because it is no more, or has another name, or for `error`.
Result<DefinitionOutcome> why_not(const VirtConnection& connection, virDomainPtr domain,
                                  const ObservedDomain& was, Error error)
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
    if (virDomainGetName(now.get()) != was.facts.name || !is_defined(now.get())) {
        return DefinitionOutcome{.what = edited, .meant = {}};
    }
    return error;
}

// Whether the definition has the pins that we wrote: nobody else would have written these.
bool has_our_pins(virDomainPtr domain, const DefinitionParts& meant)
{
    const auto text = read_definition(domain);
    const auto now =
        text ? parse_domain_xml(*text, PolicyCatalog{}, XmlKind::config) : text.error();
    const auto is_pin = [](const auto& part) { return part.first.rfind("cputune/", 0) == 0; };
    return now && now->config && std::all_of(meant.begin(), meant.end(), [&](const auto& part) {
               const auto at = now->cpus->parts.find(part.first);
               return !is_pin(part) || (at != now->cpus->parts.end() && at->second == part.second);
           });
}

// Its owner undefined it in the moment of our call, which so defined it anew. What was there
// besides, they kept or removed; anything that came since is a reason not to go on.
Result<DefinitionOutcome> take_back(const VirtConnection& connection, virDomainPtr domain,
                                    const Edit& edit)
{
    using enum DefinitionOutcome::What;
    const auto name = printable(edit.now.facts.name);
    const auto was_active = virDomainGetID(domain) != static_cast<unsigned>(-1);
    const auto now = find_again(connection, domain);
    if (!now || !is_defined(now.get())) {
        return DefinitionOutcome{.what = was_active ? edited : gone, .meant = {}};
    }
    const auto is_started = !was_active && virDomainIsActive(now.get()) == 1;
    if (is_started || virDomainGetName(now.get()) != edit.now.facts.name ||
        !has_our_pins(now.get(), edit.next)) {
        return DefinitionOutcome{.what = edited, .meant = {}}; // somebody else wants it by now
    }
    const auto flags = connection.is_test_driver()
                           ? 0U
                           : static_cast<unsigned>(VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) |
                                 static_cast<unsigned>(VIR_DOMAIN_UNDEFINE_KEEP_TPM);
    if (virDomainUndefineFlags(now.get(), flags) < 0) {
        return last_error().context(name + " was undefined while its definition was written, which "
                                           "defined it anew; undefine it again");
    }
    spdlog::info("{}: it was undefined while its definition was written, and stays undefined",
                 name);
    return DefinitionOutcome{.what = was_active ? edited : gone, .meant = {}};
}

// Precondition: the watch has begun, and the definition said edit.text after that.
Result<DefinitionOutcome> define_known(const VirtConnection& connection, virDomainPtr domain,
                                       const Edit& edit, DefinitionParts meant)
{
    if (auto defined = define(connection.raw(), edit.edited); !defined) {
        return why_not(connection, domain, edit.now, std::move(defined).error());
    }
    const auto defined = find_again(connection, domain);
    if (!defined) {
        return last_error().code == Errc::not_found
                   ? Result<DefinitionOutcome>{{.what = DefinitionOutcome::What::gone, .meant = {}}}
                   : last_error();
    }
    const auto raised = connection.watch().has_raised(defined.get());
    if (!raised) {
        return Error{raised.error()}.context(
            "it may have been undefined while its definition was written");
    }
    if (*raised) {
        return take_back(connection, domain, edit);
    }
    return DefinitionOutcome{
        .what = DefinitionOutcome::What::written, .meant = std::move(meant), .whole = true};
}

// With what the definition is about to have noted, where that is not what it has noted.
Result<void> add_note(Edit& edit, std::optional<UndoNote>& note)
{
    if (!note || note == edit.now.config_note || (note->empty() && !edit.now.config_note)) {
        note.reset();
        return {};
    }
    auto noted = set_undo_note(edit.edited, *note);
    if (!noted) {
        return std::move(noted).error();
    }
    edit.edited = std::move(*noted);
    return {};
}

// While pins are changed one by one, either of two values may be in force.
std::optional<UndoNote> note_of_either(std::optional<UndoNote> next, const ObservedDomain& now)
{
    return next && now.config_note ? with_former(std::move(*next), *now.config_note)
                                   : std::move(next);
}

} // namespace

Result<void> write_note(virDomainPtr domain, const UndoNote& note, unsigned flags)
{
    const auto element = format_undo_note(note);
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                             note.empty() ? nullptr : element.c_str(), undo_prefix, undo_namespace,
                             flags) < 0) {
        return last_error().context("noting how it was before");
    }
    return {};
}

Result<DefinitionOutcome> change_definition(const VirtConnection& connection, virDomainPtr domain,
                                            const DefinitionChange& change,
                                            const std::optional<DefinitionWrite>& last,
                                            const NoteDefinition& note)
{
    using enum DefinitionOutcome::What;
    auto text = read_definition(domain);
    for (int attempt = 0; text && attempt < define_attempts; ++attempt) {
        auto edit = make_edit(std::move(*text), change);
        if (!edit) {
            return edit.error();
        }
        if (!is_defined(domain) ||
            (change.planned_on && *change.planned_on != edit->now.cpus->parts)) {
            return DefinitionOutcome{.what = edited, .meant = {}};
        }
        const auto meant = edit->next;
        const auto is_done = is_what_came_of(last, *edit);
        if (is_done) { // only its note may be missing, or not gone yet
            auto kept = change.note == DefinitionChange::Note::remove
                            ? set_undo_note(edit->text, {})
                            : Result<std::string>{edit->text};
            if (!kept) {
                return std::move(kept).error();
            }
            edit->edited = std::move(*kept);
            edit->next = edit->now.cpus->parts;
        }
        if (edit->edited == edit->text && change.note != DefinitionChange::Note::renew) {
            return DefinitionOutcome{.what = unchanged, .meant = {}};
        }
        auto noted = note(edit->now, edit->next);
        if (!noted) {
            return std::move(noted).error();
        }
        if (auto added = add_note(*edit, *noted); !added) {
            return std::move(added).error();
        }
        if (edit->edited == edit->text) {
            return DefinitionOutcome{.what = unchanged, .meant = {}};
        }
        const auto pins =
            is_done ? std::vector<PinAction>{} : differing_pins(*edit->now.config, change.pins);
        if (is_narrow(connection, *edit->now.config, change) && pins.size() <= narrow_calls_max) {
            auto called = make_narrow_calls(domain, pins, note_of_either(*noted, edit->now));
            return called ? Result<DefinitionOutcome>{{.what = written, .meant = meant}}
                          : why_not(connection, domain, edit->now, std::move(called).error());
        }
        connection.watch().begin(uuid_of(domain));
        const auto is_there = is_defined(domain);
        text = read_definition(domain); // the last call before, so that little falls in between
        if (text && *text == edit->text && is_there) {
            return define_known(connection, domain, *edit, meant);
        }
    }
    if (!text) {
        return std::move(text).error();
    }
    return Error{.code = Errc::conflict,
                 .message = "somebody else keeps changing the definition; it was left as it is"};
}

void drop_empty_metadata(const VirtConnection& connection, virDomainPtr domain)
{
    const auto text = read_definition(domain);
    const auto tidy = text ? without_empty_metadata(*text) : text;
    if (!tidy || *tidy == *text) {
        return;
    }
    auto now = parse_domain_xml(*text, PolicyCatalog{}, XmlKind::config);
    connection.watch().begin(uuid_of(domain));
    const auto is_there = is_defined(domain);
    if (const auto again = read_definition(domain); now && again && *again == *text && is_there) {
        auto parts = now->cpus->parts;
        [[maybe_unused]] const auto defined = define_known(
            connection, domain,
            {.text = *text, .now = std::move(*now), .edited = *tidy, .next = parts}, parts);
    }
}

Result<DefinitionPreview> preview_definition(const VirtConnection& connection,
                                             const DomainUuid& uuid, const DefinitionChange& change,
                                             DefinitionScope scope)
{
    const DomainHandle domain{virDomainLookupByUUIDString(connection.raw(), uuid.str().c_str())};
    if (!domain) {
        return last_error();
    }
    auto text = read_xml(domain.get(), VIR_DOMAIN_XML_INACTIVE);
    if (!text) {
        return std::move(text).error();
    }
    auto next = edit_definition_and_tune(*text, change);
    if (!next) {
        return std::move(next).error();
    }
    if (scope == DefinitionScope::own) {
        text = own_elements(*text);
        next = own_elements(*next);
    }
    if (!text || !next) {
        return text ? next.error() : text.error();
    }
    return DefinitionPreview{.now = std::move(*text), .next = std::move(*next)};
}

} // namespace virtpind::host
