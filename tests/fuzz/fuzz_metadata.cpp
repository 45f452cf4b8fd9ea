// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text inside a domain's <metadata>: a policy, an error or nothing; a policy that was read is
// written and read back as the same. So is the note of how it was before.
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/policy_xml.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace virtpind;

MetadataPolicy read(const std::string& content)
{
    pugi::xml_document document;
    const auto text = "<domain><metadata>" + content + "</metadata></domain>";
    if (!document.load_string(text.c_str())) {
        return {};
    }
    return read_policy_metadata(document.child("domain"), PolicyCatalog{});
}

// Any of the values that were written may be in force: their order says nothing.
UndoNote in_order(UndoNote note)
{
    for (auto& [name, part] : note.parts) {
        std::sort(part.ours.begin(), part.ours.end());
    }
    return note;
}

// What a hostile note says of a small guest, put into a definition again.
void check_note(const std::string& content)
{
    const auto text = "<domain><name>x</name><metadata>" + content +
                      "</metadata><vcpu>4</vcpu><iothreads>2</iothreads></domain>";
    auto editor = DefinitionEditor::open(text);
    const auto seen = editor ? editor->read() : editor.error();
    if (!seen || !seen->definition_note() || seen->definition_note()->empty()) {
        return;
    }
    editor->set_note(*seen->definition_note());
    const auto read = parse_domain_xml(editor->text(), PolicyCatalog{}, XmlKind::config);
    if (!read || !read->definition_note() ||
        in_order(*read->definition_note()) != in_order(*seen->definition_note())) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    check_note({data, data + size});
    const auto first = read({data, data + size});
    if (!first.content || !*first.content) {
        return 0;
    }
    // As libvirt shows it: with the prefix and namespace that go with the call.
    auto element = format_policy_element(**first.content);
    element.replace(element.find("<policy"), 7,
                    std::string{"<virtpind:policy xmlns:virtpind=\""} + policy_namespace + "\"");
    const auto again = read(element);
    if (!again.content || !*again.content || **again.content != **first.content) {
        std::abort();
    }
    return 0;
}
