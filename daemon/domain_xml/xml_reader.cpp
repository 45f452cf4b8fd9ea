// SPDX-License-Identifier: LGPL-2.1-or-later
#include "xml_reader.hpp"

#include "common/base/messages.hpp"
#include "xml_bounds.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <sstream>

namespace virtpind {

namespace {

// Finds out whether some element is nested too deeply; pugixml walks without recursion.
class DepthWalker : public pugi::xml_tree_walker {
public:
    // The outermost element has depth 0; text and comments do not nest.
    bool for_each(pugi::xml_node& node) override
    {
        return depth() < domain_xml_depth_max || node.type() != pugi::node_element;
    }
};

// Blanks, comments and declarations, also those around <domain>.
constexpr unsigned keep_everything =
    pugi::parse_full | pugi::parse_ws_pcdata | pugi::parse_fragment;

struct Unit {
    std::string_view names; // between blanks
    std::uint64_t bytes;
};

constexpr std::uint64_t kilo = 1000;
constexpr std::uint64_t kibi = 1024;
constexpr std::array<Unit, 9> units{{
    {" b byte bytes ", 1},
    {" KB ", kilo},
    {"  k KiB ", kibi}, // the two blanks: no unit at all
    {" MB ", kilo* kilo},
    {" M MiB ", kibi* kibi},
    {" GB ", kilo* kilo* kilo},
    {" G GiB ", kibi* kibi* kibi},
    {" TB ", kilo* kilo* kilo* kilo},
    {" T TiB ", kibi* kibi* kibi* kibi},
}};

} // namespace

bool is_too_deep(pugi::xml_document& document)
{
    DepthWalker walker;
    return !document.traverse(walker);
}

std::string_view namespace_of(const pugi::xml_node& element)
{
    const std::string_view name = element.name();
    const auto colon = name.find(':');
    const auto declaration =
        colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string{name.substr(0, colon)};
    for (auto scope = element; scope; scope = scope.parent()) {
        if (const auto attribute = scope.attribute(declaration.c_str())) {
            return attribute.value();
        }
    }
    return {};
}

Result<pugi::xml_node> load_domain(pugi::xml_document& document, std::string_view text)
{
    if (text.size() > domain_xml_bytes_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "the domain XML has " + std::to_string(text.size()) +
                                " bytes; at most " + std::to_string(domain_xml_bytes_max) +
                                " are read"};
    }
    const auto parsed =
        document.load_buffer(text.data(), text.size(), keep_everything, pugi::encoding_utf8);
    if (!parsed) {
        return Error{.code = Errc::invalid_argument,
                     .message = std::string{"not XML: "} + parsed.description() + " at byte " +
                                std::to_string(parsed.offset)};
    }
    if (is_too_deep(document)) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "the domain XML is nested deeper than " +
                                std::to_string(domain_xml_depth_max) + " elements"};
    }
    const auto is_doctype = [](const auto& node) { return node.type() == pugi::node_doctype; };
    if (document.find_child(is_doctype)) {
        return Error{.code = Errc::invalid_argument,
                     .message =
                         "the domain XML has a DOCTYPE, whose entities would not survive an "
                         "edit; remove it and write out what it declares, as `virsh dumpxml` "
                         "does"};
    }
    auto root = document.child("domain");
    if (!root) {
        return Error{.code = Errc::invalid_argument,
                     .message = "not a domain XML: the element <domain> is missing"};
    }
    if (root.next_sibling("domain")) {
        return Error{.code = Errc::invalid_argument,
                     .message = "it has more than one <domain>; give each a file of its own"};
    }
    return root;
}

std::string trimmed_text(const pugi::xml_node& node)
{
    constexpr std::string_view blanks = " \t\r\n";
    std::string text;
    for (const auto part : node.children()) {
        text +=
            part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata ? part.value() : "";
    }
    const auto first = text.find_first_not_of(blanks);
    return first == std::string::npos
               ? std::string{}
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string to_text(const pugi::xml_node& node)
{
    std::ostringstream text;
    node.print(text, "", pugi::format_raw, pugi::encoding_utf8);
    return text.str();
}

void Reader::fail(Errc code, std::string message)
{
    if (!error_) {
        error_ = Error{.code = code, .message = std::move(message)};
    }
}

std::uint64_t Reader::number(std::string_view text, std::string_view where, std::uint64_t most,
                             std::uint64_t fallback, int base)
{
    if (text.empty()) {
        return fallback;
    }
    if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) {
        text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, base);
    if (parsed.ec != std::errc{} || parsed.ptr != end || value > most) {
        fail(Errc::invalid_argument, std::string{where} + " is " + in_quotes(text) +
                                         "; a number from 0 to " + std::to_string(most) +
                                         " belongs there");
        return fallback;
    }
    return value;
}

std::uint32_t Reader::small_number(const pugi::xml_node& node, const char* attribute,
                                   std::uint32_t fallback)
{
    return static_cast<std::uint32_t>(number(node.attribute(attribute).value(),
                                             std::string{node.name()} + "/@" + attribute,
                                             id_set_limit - 1, fallback));
}

std::uint64_t Reader::size_kib(std::string_view text, std::string_view unit, std::string_view where)
{
    const auto name = " " + std::string{unit} + " ";
    const auto* const known = std::find_if(units.begin(), units.end(), [&name](const Unit& u) {
        return u.names.find(name) != std::string_view::npos;
    });
    if (known == units.end()) {
        fail(Errc::invalid_argument, std::string{where} + " has the unit " + in_quotes(unit) +
                                         "; valid: b, KB, KiB, MB, MiB, GB, GiB, TB, TiB");
        return 0;
    }
    const auto most = std::numeric_limits<std::uint64_t>::max() / known->bytes;
    return number(text, where, most, 0) * known->bytes / kibi;
}

} // namespace virtpind
