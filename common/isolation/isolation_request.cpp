// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_request.hpp"

#include "common/base/messages.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace virtpind {

namespace {

constexpr std::string_view verb = "isolate";
constexpr std::string_view scope_begin = R"(machine-qemu\x2d)";
constexpr std::string_view scope_dash = R"(\x2d)";
constexpr std::string_view scope_end = ".scope";
constexpr std::size_t scope_bytes_max = 255; // of any file's name

Error malformed(const std::string& what)
{
    return {.code = Errc::invalid_argument,
            .message = what + "; a request is 'isolate SCOPE [THREAD=CPUS]...' in one line"};
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool is_plain(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ':' ||
           c == '-' || c == '_' || c == '.';
}

// Plain characters and escapes, as systemd writes the name of a unit.
bool is_escaped_name(std::string_view text)
{
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_plain(text[at])) {
            continue;
        }
        const auto escape = text.substr(at, 4);
        if (escape.size() != 4 || escape[0] != '\\' || escape[1] != 'x' ||
            !is_hex_digit(escape[2]) || !is_hex_digit(escape[3])) {
            return false;
        }
        at += 3;
    }
    return !text.empty() && text.find("..") == std::string_view::npos;
}

bool is_number(std::string_view text, std::uint32_t limit)
{
    std::uint32_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && at == end && number < limit && std::to_string(number) == text;
}

// The next word, and the rest behind exactly one space; nullopt where two spaces meet, or none.
std::optional<std::string_view> take_word(std::string_view& rest)
{
    const auto space = rest.find(' ');
    const auto word = rest.substr(0, space);
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
    const auto dangling = space != std::string_view::npos && rest.empty();
    return word.empty() || dangling ? std::nullopt : std::optional{word};
}

Result<std::pair<std::string, CpuSet>> parse_thread(std::string_view word)
{
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (equals == std::string_view::npos || !is_isolated_thread(name)) {
        return malformed(in_quotes(word) + " is not a thread and its CPUs, like vcpu0=8");
    }
    const auto list = word.substr(equals + 1);
    auto cpus = CpuSet::parse(list);
    if (!cpus || cpus->empty() || cpus->str() != list) {
        return malformed(in_quotes(list) + " is not a list of CPUs like '8-9,12'");
    }
    return std::pair{std::string{name}, std::move(*cpus)};
}

} // namespace

bool is_guest_scope(std::string_view name)
{
    if (name.size() > scope_bytes_max || !name.starts_with(scope_begin) ||
        !name.ends_with(scope_end) || name.size() <= scope_begin.size() + scope_end.size()) {
        return false;
    }
    const auto inner =
        name.substr(scope_begin.size(), name.size() - scope_begin.size() - scope_end.size());
    const auto dash = inner.find(scope_dash);
    return dash != std::string_view::npos && is_number(inner.substr(0, dash), 0x80000000U) &&
           is_escaped_name(inner.substr(dash + scope_dash.size())) && is_escaped_name(name);
}

bool is_isolated_thread(std::string_view name)
{
    for (const std::string_view kind : {"vcpu", "iothread"}) {
        if (name.starts_with(kind)) {
            return is_number(name.substr(kind.size()), id_set_limit);
        }
    }
    return name == "emulator" || name == idle_thread;
}

CpuSet cpus_of(const IsolatedThreads& threads)
{
    CpuSet all;
    for (const auto& [name, cpus] : threads) {
        all |= cpus;
    }
    return all;
}

std::string format_isolation_request(const IsolationRequest& request)
{
    std::string line{verb};
    line += " " + request.scope;
    for (const auto& [name, cpus] : request.threads) {
        line += " " + name + "=" + cpus.str();
    }
    return line;
}

Result<IsolationRequest> parse_isolation_request(std::string_view line)
{
    if (line.size() >= isolation_request_bytes_max) {
        return malformed("the request is longer than " +
                         std::to_string(isolation_request_bytes_max) + " bytes");
    }
    auto rest = line;
    if (const auto word = take_word(rest); !word || *word != verb) {
        return malformed(in_quotes(line.substr(0, line.find(' '))) + " is not 'isolate'");
    }
    const auto scope = take_word(rest);
    if (!scope || !is_guest_scope(*scope)) {
        return malformed(in_quotes(scope.value_or("")) +
                         " is not the control group of a guest, like "
                         R"('machine-qemu\x2d1\x2dweb1.scope')");
    }
    IsolationRequest request{.scope = std::string{*scope}, .threads = {}};
    while (!rest.empty()) {
        const auto word = take_word(rest);
        auto thread = word ? parse_thread(*word)
                           : Result<std::pair<std::string, CpuSet>>{malformed("a word is empty")};
        if (!thread) {
            return std::move(thread).error();
        }
        if (request.threads.size() >= isolated_threads_max) {
            return malformed("more than " + std::to_string(isolated_threads_max) + " threads");
        }
        const auto& last = request.threads;
        if (!last.empty() && last.rbegin()->first >= thread->first) {
            return malformed("the threads do not come in order, each once: " +
                             in_quotes(thread->first));
        }
        request.threads.insert(std::move(*thread));
    }
    if (line != format_isolation_request(request)) {
        return malformed("the request has blanks where it should have none");
    }
    return request;
}

} // namespace virtpind
