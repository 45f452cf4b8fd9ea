// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor_json.hpp"

#include "common/base/printable.hpp"

namespace virtpind {

namespace {

constexpr std::size_t sentence_bytes_max = 4096;

std::string sentence(const std::string& text)
{
    return printable(text, sentence_bytes_max);
}

Json option_to_json(const OptionValue& value)
{
    return std::visit([](const auto& plain) { return Json(plain); }, value);
}

Json finding_to_json(const Finding& finding)
{
    Json json{{"id", info_of(finding.check).name},
              {"severity", to_string(finding.severity)},
              {"guest", printable(finding.guest)},
              {"evidence", sentence(finding.evidence)},
              {"why", sentence(finding.why)},
              {"fix", sentence(finding.fix)},
              {"automatic", finding.automatic.has_value()}};
    if (finding.automatic) {
        auto options = Json::object();
        for (const auto& [name, value] : finding.automatic->options) {
            options[name] = option_to_json(value);
        }
        json["set-policy"] = {{"policy", finding.automatic->policy},
                              {"options", std::move(options)},
                              {"from-next-start", finding.automatic->from_next_start}};
    }
    return json;
}

} // namespace

Json diagnosis_to_json(const Diagnosis& diagnosis)
{
    Json json{{"guests", Json::array()},
              {"findings", Json::array()},
              {"not-measured", Json::array()},
              {"summary",
               {{"errors", diagnosis.count(Severity::error)},
                {"warnings", diagnosis.count(Severity::warning)},
                {"notes", diagnosis.count(Severity::note)}}}};
    for (const auto& guest : diagnosis.guests) {
        json["guests"].push_back(printable(guest));
    }
    for (const auto& finding : diagnosis.findings) {
        json["findings"].push_back(finding_to_json(finding));
    }
    for (const auto& one : diagnosis.not_measured) {
        json["not-measured"].push_back({{"id", info_of(one.check).name},
                                        {"guest", printable(one.guest)},
                                        {"reason", sentence(one.reason)}});
    }
    return json;
}

} // namespace virtpind
