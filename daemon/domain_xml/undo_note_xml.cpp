// SPDX-License-Identifier: LGPL-2.1-or-later
#include "undo_note_xml.hpp"

#include "common/model/original_state.hpp"
#include "common/model/parts.hpp"
#include "definition_parts.hpp"
#include "pins_xml.hpp"
#include "xml_editor.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

constexpr std::size_t elements_max = 4096;

std::string_view local_name(const pugi::xml_node& element)
{
    const std::string_view name = element.name();
    return name.substr(name.find(':') + 1);
}

pugi::xml_node find_note(const pugi::xml_node& domain)
{
    return domain.child("metadata").find_child([](const pugi::xml_node& node) {
        return node.type() == pugi::node_element && namespace_of(node) == undo_namespace;
    });
}

// <part> of a note.
bool is_line(const pugi::xml_node& node)
{
    return node.type() == pugi::node_element && local_name(node) == "part" &&
           namespace_of(node) == undo_namespace;
}

// Whether `value` is what that part would read as, or that it is not there.
bool reads_back(const PartRow& row, const std::string& value)
{
    if (value.empty()) {
        return true;
    }
    if (row.is_pin()) {
        const auto name = row.form == PartForm::thread_pins ? name_of(row.part, 0) : row.name;
        const DefinitionParts pin{{name, value}};
        return pin_parts(pins_from(pin)) == pin;
    }
    pugi::xml_document fragment;
    if (value.front() == '<' && (!fragment.load_string(value.c_str()) || is_too_deep(fragment))) {
        return false;
    }
    pugi::xml_document document;
    auto domain = document.append_child("domain");
    domain.append_child("vcpu");
    domain.append_child("os");
    domain.append_child("cpu");
    revert_parts(domain, {{row.name, value}});
    return read_part(domain, row) == value;
}

bool is_numatune(const std::string& xml, const std::string& part)
{
    pugi::xml_document document;
    if (!document.load_string(("<domain>" + xml + "</domain>").c_str(),
                              pugi::parse_full | pugi::parse_ws_pcdata) ||
        is_too_deep(document)) {
        return false;
    }
    const auto domain = document.child("domain");
    Reader reader;
    const auto read = pin_parts(read_pins(reader, domain));
    return !reader.error() && domain.first_child() == domain.last_child() &&
           read == DefinitionParts{{name_of(DefinitionPart::numatune), part}};
}

// Which vCPUs and I/O threads a note may speak of.
struct Own {
    std::uint32_t vcpus_max;
    IdSet<IothreadId> iothreads;

    [[nodiscard]] bool has(const ThreadPins& pins) const
    {
        const auto& ids = pins.threads;
        if (pins.part == DefinitionPart::vcpupin) {
            return raw(ids.back()) < vcpus_max;
        }
        return std::all_of(ids.begin(), ids.end(), [this](const auto id) {
            return iothreads.contains(IothreadId{raw(id)});
        });
    }
};

// Whether what names vCPUs by number beside their pins names only its own.
bool names_own(const std::string& value, const Own& own)
{
    pugi::xml_document document;
    if (!document.load_string(("<parts>" + value + "</parts>").c_str())) {
        return false;
    }
    return !document.find_node([&own](const pugi::xml_node& node) {
        const auto list = node.attribute("vcpus");
        const auto vcpus = VcpuSet::parse(list.value());
        return list && (!vcpus || vcpus->empty() || raw(vcpus->back()) >= own.vcpus_max);
    });
}

// Those that it has, and those that it had before.
Own own_of(const pugi::xml_node& note, const DomainFacts& facts)
{
    Own own{.vcpus_max = facts.vcpus_max, .iothreads = {}};
    own.iothreads = IdSet<IothreadId>{};
    for (const auto iothread : facts.iothreads) {
        own.iothreads.insert(iothread);
    }
    const auto& row = row_of(DefinitionPart::vcpu);
    const auto line = note.find_child([&row](const pugi::xml_node& part) {
        const std::string before = part.attribute("before").value();
        const std::string ours = part.attribute("ours").value();
        return is_line(part) && is_part(part.attribute("name").as_string(), row.part) &&
               before != ours && reads_back(row, before) && reads_back(row, ours);
    });
    pugi::xml_document document;
    if (document.load_string(line.attribute("before").value())) {
        own.vcpus_max = std::max(own.vcpus_max, document.child("vcpu").text().as_uint());
    }
    own.vcpus_max = std::min(own.vcpus_max, id_set_limit);
    return own;
}

void take_part(UndoNote& note, const std::string& name, const std::string& before,
               const std::string& ours)
{
    auto [at, is_new] = note.parts.try_emplace(name, NotedPart{.before = before, .ours = {}});
    auto& part = at->second;
    const auto is_known = std::find(part.ours.begin(), part.ours.end(), ours) != part.ours.end();
    if (part.before == before && !is_known && part.ours.size() < UndoNote::ours_max) {
        part.ours.push_back(ours);
    }
}

void read_part(UndoNote& note, const pugi::xml_node& element, const Own& own)
{
    const std::string name = element.attribute("name").value();
    const std::string before = element.attribute("before").value();
    const std::string ours = element.attribute("ours").value();
    const auto* const row = find_part(name);
    if (row == nullptr || before == ours || !reads_back(*row, before) || !reads_back(*row, ours)) {
        return;
    }
    if (row->form == PartForm::thread_pins) {
        const auto pins = parse_thread_pins(name);
        if (pins && own.has(*pins)) {
            for (const auto thread : pins->threads) {
                take_part(note, name_of(row->part, raw(thread)), before, ours);
            }
        }
        return;
    }
    if (row->form == PartForm::keyed && !(names_own(before, own) && names_own(ours, own))) {
        return;
    }
    take_part(note, name, before, ours);
    // Of lines that contradict each other, the first counts.
    const std::string xml = element.attribute("xml").value();
    if (row->part == DefinitionPart::numatune && note.parts.at(name).before == before &&
        !before.empty() && is_numatune(xml, before)) {
        note.numatune_xml = xml;
    }
}

// Whether all of it is small enough to be read.
bool is_bounded(const pugi::xml_node& note)
{
    std::size_t elements = 0;
    std::size_t bytes = 0;
    for (const auto child : note.children()) {
        ++elements;
        for (const auto attribute : child.attributes()) {
            bytes += std::string_view{attribute.value()}.size();
        }
    }
    return elements <= 2 * elements_max && bytes <= UndoNote::read_bytes_max;
}

void write_parts(pugi::xml_node parent, const std::string& prefix, const UndoNote& note,
                 pugi::xml_node (*add)(pugi::xml_node, const char*))
{
    for (const auto& line : lines_of(note)) {
        auto part = add(parent, (prefix + "part").c_str());
        part.append_attribute("name") = line.name.c_str();
        if (!line.ours.empty()) {
            part.append_attribute("ours") = line.ours.c_str();
        }
        if (!line.before.empty()) {
            part.append_attribute("before") = line.before.c_str();
        }
        if (is_part(line.name, DefinitionPart::numatune) && !note.numatune_xml.empty()) {
            part.append_attribute("xml") = note.numatune_xml.c_str();
        }
    }
}

pugi::xml_node metadata_of(pugi::xml_node domain)
{
    auto metadata = domain.child("metadata");
    if (!metadata) {
        metadata = insert_element(
            domain, last_of(domain, {"name", "uuid", "genid", "title", "description"}), "metadata");
    }
    return metadata;
}

} // namespace

std::optional<UndoNote> read_undo_note(const pugi::xml_node& domain, const DomainFacts& facts)
{
    const auto element = find_note(domain);
    if (!element) {
        return std::nullopt;
    }
    UndoNote note;
    if (local_name(element) != "undo" || !is_bounded(element)) {
        return note;
    }
    const auto own = own_of(element, facts);
    for (const auto part : element.children()) {
        if (is_line(part)) {
            read_part(note, part, own);
        }
    }
    // One that contradicts itself says nothing of that part.
    std::erase_if(note.parts, [](const auto& part) { return part.second.ours.empty(); });
    return note;
}

std::string format_undo_note(const UndoNote& note)
{
    pugi::xml_document document;
    auto element = document.append_child("undo");
    write_parts(element, "", note,
                [](pugi::xml_node parent, const char* name) { return parent.append_child(name); });
    return to_text(element);
}

bool write_undo_note(pugi::xml_node domain, const UndoNote& note)
{
    const auto old = find_note(domain);
    if (!old && note.empty()) {
        return false;
    }
    const auto prefix = std::string{undo_prefix} + ":";
    auto metadata = metadata_of(domain);
    if (!note.empty()) {
        const auto anchor = old ? old : metadata.last_child();
        auto element = insert_element(
            metadata, anchor && is_blank(anchor) ? anchor.previous_sibling() : anchor,
            (prefix + "undo").c_str());
        element.append_attribute(("xmlns:" + std::string{undo_prefix}).c_str()) = undo_namespace;
        write_parts(element, prefix, note, [](pugi::xml_node parent, const char* name) {
            const auto last = last_of(parent, {name});
            return insert_element(parent, last, name);
        });
    }
    if (old) {
        remove_element(old);
    }
    if (!metadata.find_child([](const pugi::xml_node& node) { return !is_blank(node); })) {
        remove_element(metadata);
    }
    return true;
}

} // namespace virtpind
