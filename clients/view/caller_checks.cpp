// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caller_checks.hpp"

#include "json_members.hpp"

#include <algorithm>
#include <set>

namespace virtpind::client {

namespace {

bool is_same_check(const Json& a, const Json& b)
{
    return text_in(a, "id") == text_in(b, "id") && text_in(a, "guest") == text_in(b, "guest");
}

const Json* find_same_check(const Json& rows, const Json& wanted)
{
    const auto at = std::find_if(rows.begin(), rows.end(),
                                 [&](const Json& row) { return is_same_check(row, wanted); });
    return at != rows.end() ? &*at : nullptr;
}

std::size_t count_of(const Json& findings, std::string_view severity)
{
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [severity](const Json& finding) {
            return text_in(finding, "severity") == severity;
        }));
}

} // namespace

Result<std::string> with_caller_checks(std::string_view of_service, std::string_view of_command)
{
    auto answer = parsed_object(of_service);
    const auto measured = parsed_object(of_command);
    if (!answer || !measured) {
        return unreadable_answer();
    }
    auto findings = Json::array();
    findings = list_in(*answer, "findings");
    auto not_measured = Json::array();
    std::set<std::string> added; // ids
    for (const auto& row : list_in(*answer, "not-measured")) {
        if (const auto* same = find_same_check(list_in(*measured, "not-measured"), row)) {
            not_measured.push_back(*same); // its reason says more than that of the service
        } else {
            added.insert(text_in(row, "id"));
        }
    }
    for (const auto& finding : list_in(*measured, "findings")) {
        const auto is_new = find_same_check(list_in(*answer, "findings"), finding) == nullptr;
        if (added.count(text_in(finding, "id")) > 0 && is_new) {
            findings.push_back(finding);
        }
    }
    (*answer)["summary"] = {{"errors", count_of(findings, "error")},
                            {"warnings", count_of(findings, "warning")},
                            {"notes", count_of(findings, "note")}};
    (*answer)["findings"] = std::move(findings);
    (*answer)["not-measured"] = std::move(not_measured);
    return answer->dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_plain_local_uri(std::string_view uri)
{
    const auto scheme = uri.substr(0, uri.find(':'));
    const auto is_word = !scheme.empty() && std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return c >= 'a' && c <= 'z';
    });
    const auto is_plain = std::all_of(uri.begin(), uri.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{":/._-"}.find(c) != std::string_view::npos;
    });
    return is_word && is_plain && uri.substr(scheme.size(), 4) == ":///";
}

} // namespace virtpind::client
