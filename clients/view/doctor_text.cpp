// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor_text.hpp"

#include "cells.hpp"
#include "common/base/messages.hpp"
#include "json_members.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace virtpind::client {

namespace {

constexpr std::array<std::string_view, 3> severities{"error", "warning", "note"};

Mark severity_mark(std::string_view severity)
{
    return severity == "error"     ? Mark::failed
           : severity == "warning" ? Mark::shortfall
                                   : Mark::reason_note;
}

std::string worst_of(const std::vector<const Finding*>& findings)
{
    for (const auto severity : severities) {
        if (std::any_of(findings.begin(), findings.end(), [severity](const Finding* finding) {
                return finding->severity == severity;
            })) {
            return std::string{severity};
        }
    }
    return "";
}

template <class Findings, class SeverityOf>
std::string counts_text(const Findings& findings, SeverityOf severity_of)
{
    std::string text;
    for (const auto severity : severities) {
        const auto count = static_cast<std::size_t>(
            std::count_if(findings.begin(), findings.end(),
                          [&](const auto& finding) { return severity_of(finding) == severity; }));
        if (count > 0) {
            text += (text.empty() ? "" : ", ") + pluralize(count, severity);
        }
    }
    return text;
}

std::string section(const std::string& name, const std::vector<const Finding*>& findings,
                    const Look& look)
{
    const auto worst = worst_of(findings);
    const auto mark = worst.empty() ? Mark::reason_good : severity_mark(worst);
    auto text = paragraph(
        "[" + painted_mark(mark, look) + "] ", "    ",
        name +
            (findings.empty()
                 ? ""
                 : ": " + counts_text(findings, [](const Finding* one) { return one->severity; })),
        look);
    for (const auto severity : severities) {
        for (const auto* finding : findings) {
            text += finding->severity == severity ? render_finding(*finding, look) : "";
        }
    }
    return text;
}

// Of {"policy", "options"}: "dedicated", "smt=require".
std::vector<std::string> policy_words(const Json& set_policy)
{
    std::vector<std::string> words;
    if (const auto policy = text_in(set_policy, "policy"); !policy.empty()) {
        words.push_back(policy);
    }
    if (const auto* options = member(set_policy, "options");
        options != nullptr && options->is_object()) {
        for (const auto& [name, value] : options->items()) {
            words.push_back(name + "=" + option_text(value));
        }
    }
    return words;
}

std::string not_measured_text(const Diagnosis& diagnosis, bool verbose, const Look& look)
{
    if (diagnosis.not_measured.empty()) {
        return "";
    }
    if (!verbose) {
        return paragraph(
            "[?] ", "    ",
            pluralize(diagnosis.not_measured.size(), "check") + " not measured" +
                (look.legend ? "; -v lists them, and virtpind doctor measures the host" : ""),
            look);
    }
    std::string text = "[?] not measured\n";
    for (const auto& one : diagnosis.not_measured) {
        text += paragraph("  ? ", "    ",
                          (one.guest.empty() ? "" : one.guest + ": ") + one.id + ": " + one.reason,
                          look);
    }
    return text;
}

} // namespace

std::string render_finding(const Finding& finding, const Look& look)
{
    const auto mark = painted_mark(severity_mark(finding.severity), look);
    auto text = paragraph("  " + mark + " ", "    ", finding.id + ": " + finding.evidence, look);
    if (!finding.why.empty()) {
        text += paragraph("      so    ", "            ", finding.why, look);
    }
    if (!finding.fix.empty()) { // whole, so that it can be copied
        const auto when = !finding.automatic        ? ""
                          : finding.from_next_start ? "   (from its next start)"
                                                    : "   (live)";
        text += "      fix   " + in_charset(finding.fix, look) + when + "\n";
    }
    return text;
}

Result<Diagnosis> read_diagnosis(std::string_view json)
{
    const auto document = parsed_object(json);
    if (!document) {
        return document.error();
    }
    Diagnosis diagnosis;
    for (const auto& guest : list_in(*document, "guests")) {
        diagnosis.guests.push_back(text_of(guest));
    }
    for (const auto& one : list_in(*document, "findings")) {
        const auto* mends = member(one, "set-policy");
        diagnosis.findings.push_back(
            {text_in(one, "id"), text_in(one, "severity"), text_in(one, "guest"),
             text_in(one, "evidence"), text_in(one, "why"), text_in(one, "fix"),
             flag_in(one, "automatic", false),
             mends != nullptr ? policy_words(*mends) : std::vector<std::string>{},
             mends != nullptr && flag_in(*mends, "from-next-start", false)});
    }
    for (const auto& one : list_in(*document, "not-measured")) {
        diagnosis.not_measured.push_back(
            {text_in(one, "id"), text_in(one, "guest"), text_in(one, "reason")});
    }
    return diagnosis;
}

std::string render_diagnosis(const Diagnosis& diagnosis, bool verbose, const Look& look)
{
    auto names = diagnosis.guests;
    for (const auto& finding : diagnosis.findings) {
        if (!finding.guest.empty() &&
            std::find(names.begin(), names.end(), finding.guest) == names.end()) {
            names.push_back(finding.guest);
        }
    }
    names.emplace_back(); // the host
    std::string text;
    for (const auto& name : names) {
        std::vector<const Finding*> findings;
        for (const auto& finding : diagnosis.findings) {
            if (finding.guest == name) {
                findings.push_back(&finding);
            }
        }
        if (!name.empty() || !findings.empty()) {
            text += section(name.empty() ? "host" : name, findings, look);
        }
    }
    text += not_measured_text(diagnosis, verbose, look);
    const auto counts =
        counts_text(diagnosis.findings, [](const Finding& one) { return one.severity; });
    return text + "\n" +
           paragraph("", "",
                     (counts.empty() ? "Nothing is wrong" : counts) + "; nothing was changed.",
                     look);
}

Result<const Finding*> find_to_mend(const Diagnosis& diagnosis, std::string_view id)
{
    Words ids;
    Words guests;
    const Finding* found = nullptr;
    for (const auto& finding : diagnosis.findings) {
        if (std::find(ids.begin(), ids.end(), finding.id) == ids.end()) {
            ids.push_back(finding.id);
        }
        const auto mends_more = found == nullptr || (finding.automatic && !found->automatic);
        if (finding.id == id) {
            found = mends_more ? &finding : found;
        }
        if (finding.id == id && finding.automatic &&
            std::find(guests.begin(), guests.end(), finding.guest) == guests.end()) {
            guests.push_back(finding.guest);
        }
    }
    if (found == nullptr) {
        const auto hint = did_you_mean(id, ids);
        const auto finds = ids.empty() ? "it finds nothing" : "it finds: " + join_words(ids);
        return Error{.code = Errc::invalid_argument,
                     .message = "doctor does not find " + in_quotes(id) + hint +
                                (hint.empty() ? "; " : " If not: ") + finds};
    }
    if (!found->automatic) {
        return Error{.code = Errc::unsupported,
                     .message = found->id + " is not for the service to mend" +
                                (found->fix.empty() ? "" : "; by hand: " + found->fix)};
    }
    if (guests.size() > 1) {
        return Error{.code = Errc::invalid_argument,
                     .message = "several guests have " + found->id + ": " + join_words(guests) +
                                "; name one of them"};
    }
    return found;
}

bool has_faults(const Diagnosis& diagnosis)
{
    return std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                       [](const Finding& finding) { return finding.severity != "note"; });
}

} // namespace virtpind::client
