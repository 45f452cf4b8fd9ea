// SPDX-License-Identifier: LGPL-2.1-or-later
#include "definition_editor.hpp"

#include "common/model/parts.hpp"
#include "common/model/policy.hpp"
#include "cpu_definition_xml.hpp"
#include "definition_parts.hpp"
#include "own_elements.hpp"
#include "pins_xml.hpp"
#include "tuning_xml.hpp"
#include "undo_note_xml.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <utility>

namespace virtpind {

namespace {

pugi::xml_node domain_of(const pugi::xml_document& document)
{
    return document.child("domain");
}

Result<PinSet> pins_of(const pugi::xml_node& domain)
{
    Reader reader;
    auto pins = read_pins(reader, domain);
    if (reader.error()) {
        return Error{*reader.error()}.failed_to("read the pins of the definition");
    }
    return pins;
}

// Without the parts of the pins.
Result<CpuDefinition> cpus_of(const pugi::xml_node& domain)
{
    Reader reader;
    DomainFacts facts;
    read_cpu_facts(reader, domain, facts);
    auto cpus = read_cpu_definition(reader, domain, facts);
    if (reader.error()) {
        return Error{*reader.error()}.failed_to("read the CPUs of the definition");
    }
    return cpus;
}

PinSet wanted_pins(const pugi::xml_node& domain, const PinSet& current,
                   const DefinitionChange& change)
{
    if (change.mode == DefinitionChange::Mode::replace) {
        auto wanted = change.pins;
        const auto removable = !wanted.iothreads_listed && lists_only_ids(domain);
        wanted.iothreads_listed = current.iothreads_listed && !removable;
        return wanted;
    }
    auto wanted = current;
    for (const auto& [vcpu, cpus] : change.pins.vcpus) {
        wanted.vcpus[vcpu] = cpus;
    }
    for (const auto& [iothread, cpus] : change.pins.iothreads) {
        wanted.iothreads[iothread] = cpus;
    }
    if (change.pins.emulator) {
        wanted.emulator = change.pins.emulator;
    }
    if (change.pins.numatune) {
        wanted.numatune = change.pins.numatune;
    }
    if (change.pins.vcpu_cpuset) {
        wanted.vcpu_cpuset = change.pins.vcpu_cpuset;
    }
    return wanted;
}

} // namespace

DefinitionEditor::DefinitionEditor(std::string_view text)
    : before_{text}, document_{std::make_unique<pugi::xml_document>()}
{}

DefinitionEditor::DefinitionEditor(DefinitionEditor&& other) noexcept = default;
DefinitionEditor& DefinitionEditor::operator=(DefinitionEditor&& other) noexcept = default;
DefinitionEditor::~DefinitionEditor() = default;

Result<DefinitionEditor> DefinitionEditor::open(std::string_view text)
{
    DefinitionEditor editor{text};
    if (const auto domain = load_domain(*editor.document_, text); !domain) {
        return domain.error();
    }
    return editor;
}

Result<ObservedDomain> DefinitionEditor::read(XmlKind kind) const
{
    return read_domain(domain_of(*document_), PolicyCatalog{}, kind);
}

Result<DefinitionParts> DefinitionEditor::parts() const
{
    const auto pins = pins_of(domain_of(*document_));
    if (!pins) {
        return pins.error();
    }
    auto parts = read_parts(domain_of(*document_));
    parts.merge(pin_parts(*pins));
    return parts;
}

Result<void> DefinitionEditor::make(const DefinitionChange& change)
{
    const auto domain = domain_of(*document_);
    if (!change.tuning.revert.empty()) {
        revert_parts(domain, change.tuning.revert);
        is_changed_ = true;
    }
    const auto current = pins_of(domain);
    if (!current) {
        return current.error();
    }
    const auto wanted = wanted_pins(domain, *current, change);
    if (auto written = write_pins(*current, wanted); !written) {
        return written;
    }
    return change.tuning.empty() ? Result<void>{} : tune(wanted, change.tuning);
}

Result<void> DefinitionEditor::write_pins(const PinSet& current, const PinSet& wanted)
{
    is_changed_ = is_changed_ || wanted != current;
    return virtpind::write_pins(domain_of(*document_), current, wanted);
}

Result<void> DefinitionEditor::tune(const PinSet& pins, const GuestTuning& tuning)
{
    const auto domain = domain_of(*document_);
    const auto now = cpus_of(domain);
    if (!now) {
        return now.error();
    }
    const auto wanted = tuned_definition(*now, tuning);
    if (wanted == *now) {
        return write_pins(pins, tuned_pins(pins, tuning));
    }
    write_tuning(domain, *now, wanted, tuning);
    is_changed_ = true;
    if (auto written = write_pins(pins, tuned_pins(pins, tuning)); !written) {
        return written;
    }
    if (const auto result = cpus_of(domain); !result || *result != wanted) {
        return Error{.code = Errc::invalid_argument,
                     .message = "cannot tune the definition: what was wanted does not read back; "
                                "compare its <vcpu>, <vcpus>, <cpu> and <os> with the plan"};
    }
    return {};
}

void DefinitionEditor::set_note(const UndoNote& note)
{
    is_changed_ = write_undo_note(domain_of(*document_), note) || is_changed_;
}

void DefinitionEditor::drop_empty_metadata()
{
    if (const auto metadata = domain_of(*document_).child("metadata");
        metadata && !metadata.first_child()) {
        remove_element(metadata);
        is_changed_ = true;
    }
}

std::string DefinitionEditor::own_elements() const
{
    return virtpind::own_elements(domain_of(*document_));
}

std::string DefinitionEditor::text() const
{
    return is_changed_ ? edited_text(*document_, before_) : before_;
}

Result<std::string> edit_definition(std::string_view text, const DefinitionChange& change)
{
    auto editor = DefinitionEditor::open(text);
    if (!editor) {
        return editor.error();
    }
    if (auto made = editor->make(change); !made) {
        return std::move(made).error();
    }
    return editor->text();
}

Result<DefinitionPreview> preview_edit(std::string text, const DefinitionChange& change)
{
    auto next = edit_definition(text, change);
    if (!next) {
        return std::move(next).error();
    }
    return DefinitionPreview{.now = std::move(text), .next = std::move(*next)};
}

} // namespace virtpind
