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

#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "error.hpp"
#include "observer.hpp"

#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// As long as a validated virDomainDefineXML takes.
constexpr std::size_t narrow_calls_max = 8;
constexpr int define_attempts = 3;

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

// A definition as it was read, and what comes of it.
struct Edit {
    std::string text;
    ObservedDomain now;
    DefinitionEditor editor;
    DefinitionParts next;
};

Result<Edit> make_edit(std::string text, const DefinitionChange& change)
{
    auto editor = DefinitionEditor::open(text);
    if (!editor) {
        return editor.error();
    }
    auto now = editor->read();
    if (!now) {
        return std::move(now).error();
    }
    if (auto made = editor->make(change); !made) {
        return std::move(made).error();
    }
    if (change.note == DefinitionChange::Note::remove) {
        editor->set_note({});
    }
    auto next = editor->parts();
    if (!next) {
        return std::move(next).error();
    }
    if (!change.pins.iothreads.empty()) {
        // libvirt will, and that must be known as ours even if we die before reading it back.
        PinSet listed;
        listed.iothreads_listed = true;
        next->merge(pin_parts(listed));
    }
    return Edit{.text = std::move(text),
                .now = std::move(*now),
                .editor = std::move(*editor),
                .next = std::move(*next)};
}

// The definition stays as it is; only its note may be missing, or not gone yet.
Result<void> keep_all_but_note(Edit& edit, const DefinitionChange& change)
{
    auto again = DefinitionEditor::open(edit.text);
    if (!again) {
        return again.error();
    }
    edit.editor = std::move(*again);
    if (change.note == DefinitionChange::Note::remove) {
        edit.editor.set_note({});
    }
    edit.next = edit.now.defined_cpus()->parts;
    return {};
}

// Whether the definition is what libvirt makes of that edit. What differs after single pins is
// somebody else's: libvirt has its own way with whole definitions only.
bool is_what_came_of(const std::optional<DefinitionWrite>& last, const Edit& edit)
{
    return last && last->whole && last->made == edit.now.defined_cpus()->parts &&
           last->meant == edit.next;
}

// With what the definition is about to have noted, where that is not what it has noted.
void add_note(Edit& edit, std::optional<UndoNote>& note)
{
    if (!note || note == edit.now.definition_note() ||
        (note->empty() && !edit.now.definition_note())) {
        note.reset();
        return;
    }
    edit.editor.set_note(*note);
}

// While pins are changed one by one, either of two values may be in force.
std::optional<UndoNote> note_of_either(std::optional<UndoNote> next, const ObservedDomain& now)
{
    return next && now.definition_note() ? with_former(std::move(*next), *now.definition_note())
                                         : std::move(next);
}

// What was meant differs from what was written where only a note was.
Result<DefinitionOutcome> with_meant(Result<DefinitionOutcome> outcome,
                                     const DefinitionParts& meant)
{
    if (outcome && outcome->what == DefinitionOutcome::What::written) {
        outcome->meant = meant;
    }
    return outcome;
}

} // namespace

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
            (change.planned_on && *change.planned_on != edit->now.defined_cpus()->parts)) {
            return DefinitionOutcome{.what = edited, .meant = {}};
        }
        const auto meant = edit->next;
        const auto is_done = is_what_came_of(last, *edit);
        if (auto kept = is_done ? keep_all_but_note(*edit, change) : Result<void>{}; !kept) {
            return std::move(kept).error();
        }
        if (change.note != DefinitionChange::Note::renew && edit->editor.text() == edit->text) {
            return DefinitionOutcome{.what = unchanged, .meant = {}};
        }
        auto noted = note(edit->now, edit->next);
        if (!noted) {
            return std::move(noted).error();
        }
        add_note(*edit, *noted);
        const auto next_text = edit->editor.text();
        if (next_text == edit->text) {
            return DefinitionOutcome{.what = unchanged, .meant = {}};
        }
        const auto pins = is_done ? std::vector<PinAction>{}
                                  : differing_pins(edit->now.definition->pins, change.pins);
        if (is_narrow(connection, edit->now.definition->pins, change) &&
            pins.size() <= narrow_calls_max) {
            auto called = pin_in_definition(domain, pins, note_of_either(*noted, edit->now));
            return called ? Result<DefinitionOutcome>{{.what = written, .meant = meant}}
                          : explain_failure(connection, domain, edit->now.facts.name,
                                            std::move(called).error());
        }
        connection.watch().begin(uuid_of(domain));
        const auto is_there = is_defined(domain);
        text = read_definition(domain); // the last call before, so that little falls in between
        if (text && *text == edit->text && is_there) {
            return with_meant(
                replace_definition(connection, domain, edit->now.facts.name, next_text, edit->next),
                meant);
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
    auto editor = text ? DefinitionEditor::open(*text) : text.error();
    const auto now = editor ? editor->read() : editor.error();
    if (!now) {
        return;
    }
    editor->drop_empty_metadata();
    const auto tidy = editor->text();
    if (tidy == *text) {
        return;
    }
    connection.watch().begin(uuid_of(domain));
    const auto is_there = is_defined(domain);
    if (const auto again = read_definition(domain); again && *again == *text && is_there) {
        [[maybe_unused]] const auto defined = replace_definition(
            connection, domain, now->facts.name, tidy, now->defined_cpus()->parts);
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
    const auto text = read_xml(domain.get(), VIR_DOMAIN_XML_INACTIVE);
    auto editor = text ? DefinitionEditor::open(*text) : text.error();
    if (!editor) {
        return editor.error();
    }
    const auto shown = [&editor, scope] {
        return scope == DefinitionScope::own ? editor->own_elements() : editor->text();
    };
    DefinitionPreview preview{.now = shown(), .next = {}};
    if (auto made = editor->make(change); !made) {
        return std::move(made).error();
    }
    preview.next = shown();
    return preview;
}

} // namespace virtpind
