// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_answer.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace virtpind {

namespace {

constexpr std::array<std::string_view, 15> refusal_words{
    "bad-request",  "no-guest",       "no-thread",    "no-kernel",       "no-cpuset",
    "outside-pins", "shared-cpus",    "not-siblings", "others-isolated", "others-pinned",
    "below-floor",  "kernel-refused", "busy",         "failed",          "no-helper",
};

constexpr std::string_view done_word = "isolated";
constexpr std::string_view refused_word = "refused ";
constexpr std::string_view detail_mark = " : ";

Error unreadable(std::string_view line)
{
    return {.code = Errc::invalid_argument,
            .message = "virtpind-isolate answered " + in_quotes(line) +
                       ", which is no answer; virtpind and virtpind-isolate may be of "
                       "different versions: restart virtpind"};
}

// " 8-9" or nothing.
Result<CpuSet> parse_cpus(std::string_view text, std::string_view line)
{
    if (text.empty()) {
        return CpuSet{};
    }
    auto cpus = text.starts_with(' ') ? CpuSet::parse(text.substr(1)) : Result<CpuSet>{Error{}};
    if (!cpus || cpus->empty() || cpus->str() != text.substr(1)) {
        return unreadable(line);
    }
    return cpus;
}

} // namespace

std::string_view to_string(IsolationRefusal why)
{
    return refusal_words.at(static_cast<std::size_t>(why));
}

std::string format_isolation_answer(const IsolationAnswer& answer)
{
    const auto cpus = answer.cpus.empty() ? std::string{} : " " + answer.cpus.str();
    if (!answer.refused) {
        return std::string{done_word} + cpus;
    }
    auto line = std::string{refused_word} + std::string{to_string(*answer.refused)} + cpus;
    if (!answer.detail.empty()) {
        line += detail_mark;
        line += printable(answer.detail, isolation_detail_bytes_max);
    }
    return line;
}

Result<IsolationAnswer> parse_isolation_answer(std::string_view line)
{
    if (line.size() >= isolation_answer_bytes_max) {
        return unreadable(line);
    }
    IsolationAnswer answer;
    auto rest = line;
    if (line.starts_with(done_word)) {
        rest.remove_prefix(done_word.size());
    } else if (line.starts_with(refused_word)) {
        rest.remove_prefix(refused_word.size());
        const auto word = rest.substr(0, rest.find(' '));
        const auto* const found = std::find(refusal_words.begin(), refusal_words.end(), word);
        if (found == refusal_words.end()) {
            return unreadable(line);
        }
        answer.refused = static_cast<IsolationRefusal>(found - refusal_words.begin());
        rest.remove_prefix(word.size());
        if (const auto mark = rest.find(detail_mark); mark != std::string_view::npos) {
            answer.detail =
                printable(rest.substr(mark + detail_mark.size()), isolation_detail_bytes_max);
            rest = rest.substr(0, mark);
        }
    } else {
        return unreadable(line);
    }
    auto cpus = parse_cpus(rest, line);
    if (!cpus) {
        return std::move(cpus).error();
    }
    answer.cpus = std::move(*cpus);
    return answer;
}

} // namespace virtpind
