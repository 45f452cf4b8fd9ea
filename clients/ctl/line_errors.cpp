// SPDX-License-Identifier: LGPL-2.1-or-later
#include "line_errors.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "verb_table.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <optional>

namespace virtpind::client {

namespace {

Words verb_names()
{
    Words names;
    for (const auto& row : verb_table()) {
        if (row.verb != Verb::complete) {
            names.push_back(row.name);
        }
    }
    return names;
}

// "--bus needs a value: system|session", of an option without one.
std::optional<std::string> missing_value(const CLI::App& app, const CLI::ParseError& error)
{
    if (error.get_name() != "ArgumentMismatch") {
        return std::nullopt;
    }
    const std::string what{error.what()}; // "--bus: 1 required ..."
    const auto name = what.substr(0, what.find(':'));
    const auto* option = app.get_option_no_throw(name);
    for (const auto* verb : app.get_subcommands()) {
        option = option != nullptr ? option : verb->get_option_no_throw(name);
    }
    if (option == nullptr) {
        return std::nullopt;
    }
    return name + " needs a value: " + option->get_type_name();
}

bool is_verb(const std::string& word)
{
    return find_verb(word) != nullptr;
}

} // namespace

Error wrong(const std::string& what, const std::string& verb)
{
    return {.code = Errc::invalid_argument,
            .message = what + "; see virtpinctl " + (verb.empty() ? "" : verb + " ") + "--help"};
}

Error wrong_line(const CLI::App& app, const CLI::ParseError& error)
{
    const auto chosen = app.get_subcommands();
    const auto verb = chosen.empty() ? std::string{} : chosen.front()->get_name();
    const auto extras = app.remaining(true);
    if (extras.empty()) {
        return wrong(missing_value(app, error).value_or(error.what()), verb);
    }
    const auto& extra = extras.back(); // the first on the command line
    return wrong((extra.rfind('-', 0) == 0 ? "unknown option " : "unexpected argument ") +
                     in_quotes(extra),
                 verb);
}

Result<void> check_first_word(const std::vector<std::string>& words)
{
    static constexpr std::string_view with_value[]{"-H",        "--host", "-M",
                                                   "--machine", "--bus",  "--json"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].rfind('-', 0) == 0) {
            const auto takes_next =
                std::find(std::begin(with_value), std::end(with_value), words[i]);
            i += takes_next != std::end(with_value) ? 1U : 0U;
            continue;
        }
        if (is_verb(words[i])) {
            return {};
        }
        const auto later =
            std::find_if(words.begin() + static_cast<std::ptrdiff_t>(i), words.end(), is_verb);
        return later == words.end()
                   ? wrong(unknown_word("verb", words[i], verb_names()), "")
                   : wrong("the verb comes first: virtpinctl " + *later + " " + printable(words[i]),
                           "");
    }
    return {};
}

} // namespace virtpind::client
