// SPDX-License-Identifier: LGPL-2.1-or-later
// Editing a domain's XML: one document, parsed once, from the text that was read to the text that
// is written. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/action.hpp"
#include "common/model/libvirt_port.hpp"
#include "domain_xml.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace pugi {
class xml_document;
}

namespace virtpind {

// What no change asks for stays as it was: comments, unknown elements, foreign namespaces, order of
// attributes, whitespace. After an error the editor may hold half of a change: drop it.
class DefinitionEditor {
public:
    // Errors: invalid_argument (not a domain XML), limits_exceeded.
    [[nodiscard]] static Result<DefinitionEditor> open(std::string_view text);

    DefinitionEditor(DefinitionEditor&& other) noexcept;
    DefinitionEditor& operator=(DefinitionEditor&& other) noexcept;
    DefinitionEditor(const DefinitionEditor&) = delete;
    DefinitionEditor& operator=(const DefinitionEditor&) = delete;
    ~DefinitionEditor();

    // As parse_domain_xml() reads the text() of this moment.
    [[nodiscard]] Result<ObservedDomain> read(XmlKind kind = XmlKind::config) const;

    // The parts that a definition has at this moment, those of the pins included.
    [[nodiscard]] Result<DefinitionParts> parts() const;

    // Makes all of `change` but its note: parts go back, then pins, then the tuning. What already
    // says what it should is not touched. Errors: invalid_argument where the definition cannot be
    // read, or where the result does not read back as what was wanted.
    [[nodiscard]] Result<void> make(const DefinitionChange& change);

    // The note of how it was before, in the metadata; an empty one is removed.
    void set_note(const UndoNote& note);

    // Removes <metadata/>, which libvirt leaves behind when the last element in it is removed.
    void drop_empty_metadata();

    // Only what virtpind may write; see own_elements.hpp.
    [[nodiscard]] std::string own_elements() const;

    // The document as text: byte for byte the text that was opened where nothing was changed.
    [[nodiscard]] std::string text() const;

private:
    explicit DefinitionEditor(std::string_view text);

    [[nodiscard]] Result<void> write_pins(const PinSet& current, const PinSet& wanted);
    [[nodiscard]] Result<void> tune(const PinSet& pins, const GuestTuning& tuning);

    std::string before_;
    std::unique_ptr<pugi::xml_document> document_;
    bool is_changed_ = false;
};

// `text` with `change` made, but for its note.
[[nodiscard]] Result<std::string> edit_definition(std::string_view text,
                                                  const DefinitionChange& change);

// The same beside what it was.
[[nodiscard]] Result<DefinitionPreview> preview_edit(std::string text,
                                                     const DefinitionChange& change);

} // namespace virtpind
