// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor_text.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

constexpr std::size_t evidence_column = 29;
constexpr std::size_t label_column = 12;
constexpr std::size_t line_bytes_max = 4096;

// Columns of a text of printable UTF-8, one for each character.
std::size_t columns_of(const std::string& text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
    }));
}

std::string padded_to(std::string text, std::size_t columns)
{
    const auto has = columns_of(text);
    return has < columns ? text + std::string(columns - has, ' ') : text;
}

class Writer {
public:
    explicit Writer(const TextStyle& style) : style_{style} {}

    [[nodiscard]] std::string sign(std::optional<Severity> severity) const
    {
        if (!severity) {
            return coloured("32", style_.utf8 ? "✓" : "+");
        }
        switch (*severity) {
        case Severity::error:
            return coloured("31", style_.utf8 ? "✗" : "x");
        case Severity::warning:
            return coloured("33", "!");
        case Severity::note:
            break;
        }
        return coloured("36", "i");
    }

    [[nodiscard]] std::string coloured(const std::string& colour, const std::string& text) const
    {
        return style_.colours ? "\033[" + colour + "m" + text + "\033[0m" : text;
    }

    // `head` with `text` behind it, whose further lines begin at `column`. `columns` are those of
    // the head, which may have colours.
    [[nodiscard]] std::string wrapped(const std::string& head, std::size_t columns,
                                      const std::string& text, std::size_t column) const
    {
        std::string lines = head;
        auto at = columns;
        std::istringstream words{printable(text, line_bytes_max)};
        auto is_first = true;
        for (std::string word; words >> word;) {
            const auto width = columns_of(word);
            if (!is_first && at + 1 + width > style_.width) {
                lines += "\n" + std::string(column, ' ');
                at = column;
                is_first = true;
            }
            lines += (is_first ? "" : " ") + word;
            at += width + (is_first ? 0 : 1);
            is_first = false;
        }
        return lines + "\n";
    }

    // "      so    ..."; commands are not wrapped, so that they can be copied.
    [[nodiscard]] std::string labelled(const std::string& label, const std::string& text) const
    {
        const auto head = padded_to("      " + label, label_column);
        const auto is_prose = text.find(", ") != std::string::npos ||
                              text.find(": ") != std::string::npos || label == "so";
        return is_prose ? wrapped(head, label_column, text, label_column)
                        : head + printable(text, line_bytes_max) + "\n";
    }

    [[nodiscard]] std::string finding(const Finding& one) const
    {
        const auto name = padded_to(std::string{info_of(one.check).name}, evidence_column - 5);
        auto text = wrapped("  " + sign(one.severity) + " " + name + " ", columns_of(name) + 5,
                            one.evidence, evidence_column);
        text += labelled("so", one.why);
        const std::string when = !one.automatic                   ? ""
                                 : one.automatic->from_next_start ? "   (from its next start)"
                                                                  : "   (live)";
        const auto fits =
            label_column + columns_of(one.fix) + columns_of(when) <= style_.width || when.empty();
        text += labelled("fix", one.fix + (fits ? when : ""));
        return fits ? text : text + std::string(label_column, ' ') + when.substr(3) + "\n";
    }

private:
    const TextStyle& style_;
};

// "2 errors, 1 warning"; "" for nothing.
std::string counts_text(const std::vector<const Finding*>& findings)
{
    std::string text;
    for (const auto severity : {Severity::error, Severity::warning, Severity::note}) {
        const auto count = static_cast<std::size_t>(
            std::count_if(findings.begin(), findings.end(),
                          [severity](const Finding* one) { return one->severity == severity; }));
        if (count > 0) {
            text += (text.empty() ? "" : ", ") + pluralize(count, to_string(severity));
        }
    }
    return text;
}

std::string host_text(const Topology& topology)
{
    const auto online = topology.online_cpus();
    const auto count = [&online](const auto& parts) {
        return static_cast<std::size_t>(
            std::count_if(parts.begin(), parts.end(),
                          [&online](const auto& part) { return part.cpus.intersects(online); }));
    };
    auto text = pluralize(count(topology.cores), "core") + ", " + pluralize(online.size(), "CPU") +
                ", " + pluralize(count(topology.l3s), "L3");
    for (std::size_t i = 0; i < topology.l3s.size(); ++i) {
        text += topology.l3s[i].vcache ? " (V-cache: L3 #" + std::to_string(i) + ")" : "";
    }
    return topology.nodes.size() > 1 ? text + ", " + pluralize(topology.nodes.size(), "node")
                                     : text;
}

std::vector<const Finding*> findings_of(const Diagnosis& diagnosis, const std::string& guest)
{
    std::vector<const Finding*> findings;
    for (const auto& one : diagnosis.findings) {
        if (one.guest == guest) {
            findings.push_back(&one);
        }
    }
    return findings;
}

std::string section(const Writer& writer, const std::string& name,
                    const std::vector<const Finding*>& findings)
{
    std::optional<Severity> worst;
    for (const auto* one : findings) {
        worst = worst ? std::min(*worst, one->severity) : one->severity;
    }
    constexpr std::size_t name_columns = 16;
    const auto counts = counts_text(findings);
    const auto shown = printable(name, 64);
    auto text = "[" + writer.sign(worst) + "] " +
                writer.coloured("1", counts.empty() ? shown : padded_to(shown, name_columns)) +
                (counts.empty() ? "" : " " + counts) + "\n";
    for (const auto* one : findings) {
        text += writer.finding(*one);
    }
    return text;
}

// Those that lack the same are told together.
std::string unmeasured_text(const Writer& writer, const Diagnosis& diagnosis)
{
    std::vector<std::pair<std::string, std::string>> by_reason;
    for (const auto& one : diagnosis.not_measured) {
        const auto what = (one.guest.empty() ? "" : printable(one.guest, 64) + ": ") + one.reason;
        auto at = std::find_if(by_reason.begin(), by_reason.end(),
                               [&what](const auto& group) { return group.first == what; });
        if (at == by_reason.end()) {
            at = by_reason.insert(by_reason.end(), {what, ""});
        }
        const std::string name{info_of(one.check).name};
        if ((", " + at->second + ",").find(" " + name + ",") == std::string::npos) {
            at->second += (at->second.empty() ? "" : ", ") + name;
        }
    }
    std::string text;
    for (const auto& [what, names] : by_reason) {
        text += writer.wrapped("[?] ", 4, "not measured: " + names + " (" + what + ")", 4);
    }
    return text;
}

} // namespace

std::string diagnosis_to_text(const Diagnosis& diagnosis, const Topology& topology,
                              const TextStyle& style)
{
    const Writer writer{style};
    auto text = "virtpind doctor: " + host_text(topology) + "; " +
                pluralize(diagnosis.guests.size(), "guest") + "\n\n";
    for (const auto& guest : diagnosis.guests) {
        text += section(writer, guest, findings_of(diagnosis, guest));
    }
    text += section(writer, "host", findings_of(diagnosis, ""));
    text += unmeasured_text(writer, diagnosis);
    std::vector<const Finding*> all;
    for (const auto& one : diagnosis.findings) {
        all.push_back(&one);
    }
    const auto counts = counts_text(all);
    return text + "\n" +
           (counts.empty()
                ? "Nothing is wrong as far as it was measured; nothing was changed.\n"
                : counts + "; nothing was changed.\nMore on each: virtpind doctor --explain ID\n");
}

std::string check_to_text(const CheckInfo& check, const TextStyle& style)
{
    const Writer writer{style};
    std::string fix{check.fix};
    return std::string{check.name} + " (" + std::string{to_string(check.severity)} + ")\n" +
           writer.wrapped("  ", 2, std::string{check.about}, 2) +
           writer.labelled("so", std::string{check.why}) + writer.labelled("fix", fix);
}

} // namespace virtpind
