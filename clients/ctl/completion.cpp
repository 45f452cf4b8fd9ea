// SPDX-License-Identifier: LGPL-2.1-or-later
#include "completion.hpp"

#include "clients/view/guest_state.hpp"
#include "common/model/policy_options.hpp"

#include <algorithm>
#include <optional>

namespace virtpind::client {

namespace {

// What is known of the command line before its last word.
struct Line {
    const VerbInfo* verb = nullptr;
    std::vector<std::string> arguments; // of the verb, without options
    std::string awaits;                 // the option whose value comes next
    bool behind_dashes = false;
    bool has_definition = false; // of a file: no guest is named
};

std::optional<OptionHelp> find_help(const VerbInfo* verb, const std::string& name)
{
    for (const auto& option : options_of(verb != nullptr ? verb->verb : Verb::status)) {
        if (std::find(option.names.begin(), option.names.end(), name) != option.names.end()) {
            return option;
        }
    }
    return std::nullopt;
}

Line read_line(const std::vector<std::string>& words)
{
    Line line;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (!line.awaits.empty()) {
            line.awaits.clear();
        } else if (word == "--") {
            line.behind_dashes = true;
        } else if (word.rfind('-', 0) == 0 && !line.behind_dashes) {
            const auto option = find_help(line.verb, word);
            line.awaits = option && !option->value.empty() ? word : "";
            line.has_definition |= word.substr(0, word.find('=')) == "--xml";
        } else if (line.verb == nullptr) {
            line.verb = find_verb(word);
        } else {
            line.arguments.push_back(word);
        }
    }
    return line;
}

void add_values(std::vector<Candidate>& candidates, const std::string& before,
                const std::string& value)
{
    if (value == "FILE") {
        candidates.push_back({files_candidate, ""});
    }
    if (value.find('|') == std::string::npos) {
        return;
    }
    for (std::size_t at = 0; at <= value.size();) {
        const auto end = std::min(value.find('|', at), value.size());
        candidates.push_back({before + value.substr(at, end - at), ""});
        at = end + 1;
    }
}

void add_options(std::vector<Candidate>& candidates, const Line& line)
{
    for (const auto& option : options_of(line.verb != nullptr ? line.verb->verb : Verb::status)) {
        for (const auto& name : option.names) {
            candidates.push_back({name, option.meaning});
        }
    }
}

void add_guests(std::vector<Candidate>& candidates, const Snapshot& snapshot,
                const std::vector<std::string>& named)
{
    for (const auto& guest : snapshot.guests) {
        if (std::find(named.begin(), named.end(), guest.name) == named.end()) {
            const auto word = guest_argument(guest);
            const auto name = word == guest.name ? "" : guest.name + ": ";
            candidates.push_back({word, name + policy_text(guest) + ", " + place_text(guest)});
        }
    }
}

// Policies, and options with their values: "smt=" first, then "smt=require".
void add_policy_words(std::vector<Candidate>& candidates, const Snapshot& snapshot,
                      const std::string& last)
{
    const auto equals = last.find('=');
    if (equals != std::string::npos) {
        if (const auto* option = find_option(last.substr(0, equals))) {
            for (const auto value : option->values) {
                candidates.push_back({last.substr(0, equals + 1) + std::string{value}, ""});
            }
        }
        return;
    }
    for (const auto& policy : snapshot.service.policies) {
        candidates.push_back({policy, "policy"});
    }
    for (const auto& option : option_table()) {
        candidates.push_back({std::string{option.name} + "=", std::string{option.meaning}});
    }
}

void add_verbs(std::vector<Candidate>& candidates)
{
    for (const auto& row : verb_table()) {
        if (row.verb != Verb::complete) {
            candidates.push_back({std::string{row.name}, std::string{row.summary}});
        }
    }
}

// The usual ones; there are many.
void add_journal_options(std::vector<Candidate>& candidates)
{
    static const std::vector<Candidate> usual{
        {"-f", "follow"},
        {"-e", "from the end"},
        {"-r", "newest first"},
        {"-x", "with explanations"},
        {"-b", "since the host's start"},
        {"-n", "so many lines"},
        {"-p", "of this priority and above"},
        {"-o", "form of the output"},
        {"--since=", "from this time on"},
        {"--until=", "up to this time"},
    };
    candidates.insert(candidates.end(), usual.begin(), usual.end());
}

bool takes_policy_words(const Line& line)
{
    const auto sets =
        line.verb != nullptr && (line.verb->verb == Verb::set || line.verb->verb == Verb::plan);
    return sets && (line.has_definition || !line.arguments.empty());
}

bool takes_guest(const Line& line)
{
    return line.verb != nullptr && line.verb->takes_guest && !takes_policy_words(line);
}

bool takes_command(const Line& line)
{
    return line.verb != nullptr && (line.verb->verb == Verb::hold || line.verb->verb == Verb::log);
}

} // namespace

std::vector<Candidate> complete(const std::vector<std::string>& words, const Snapshot& snapshot)
{
    const auto line = read_line(words);
    const auto last = words.empty() ? std::string{} : words.back();
    std::vector<Candidate> candidates;
    const auto equals = last.find('=');
    if (line.behind_dashes && line.verb != nullptr && line.verb->verb == Verb::hold) {
        return {{files_candidate, ""}};
    }
    if (line.behind_dashes && !takes_command(line) && !takes_guest(line) &&
        !takes_policy_words(line)) {
        return {};
    }
    if (line.behind_dashes && takes_command(line)) {
        add_journal_options(candidates);
    } else if (!line.awaits.empty()) {
        add_values(candidates, "", find_help(line.verb, line.awaits)->value);
    } else if (last.rfind("--", 0) == 0 && equals != std::string::npos) {
        const auto option = find_help(line.verb, last.substr(0, equals));
        add_values(candidates, last.substr(0, equals + 1), option ? option->value : "");
    } else if (last.rfind('-', 0) == 0 && !line.behind_dashes) {
        add_options(candidates, line);
    } else if (line.verb == nullptr) {
        add_verbs(candidates);
    } else if (takes_policy_words(line)) {
        add_policy_words(candidates, snapshot, last);
    } else if (takes_guest(line)) {
        add_guests(candidates, snapshot, line.arguments);
    } else if (line.verb->verb == Verb::export_topology) {
        candidates.push_back({files_candidate, ""});
    }
    std::erase_if(candidates, [&](const Candidate& candidate) {
        return candidate.text != files_candidate && candidate.text.rfind(last, 0) != 0;
    });
    return candidates;
}

bool needs_service(const std::vector<std::string>& words)
{
    const auto line = read_line(words);
    const auto is_option = !words.empty() && words.back().rfind('-', 0) == 0;
    return !(line.behind_dashes && takes_command(line)) && line.awaits.empty() && !is_option &&
           (takes_guest(line) || takes_policy_words(line));
}

Target completed_target(const std::vector<std::string>& words)
{
    Target target;
    const auto value_of = [&](std::size_t i, const std::string& name) -> std::string {
        if (words[i] == name && i + 1 < words.size()) {
            return words[i + 1];
        }
        return words[i].rfind(name + "=", 0) == 0 ? words[i].substr(name.size() + 1) : "";
    };
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (value_of(i, "--bus") == "session") {
            target.kind = Target::Kind::session;
        }
        for (const auto* name : {"-H", "--host"}) {
            if (const auto host = value_of(i, name); !host.empty() && host.front() != '-') {
                target = {Target::Kind::host, host};
            }
        }
        for (const auto* name : {"-M", "--machine"}) {
            if (const auto machine = value_of(i, name); !machine.empty()) {
                target = {Target::Kind::machine, machine};
            }
        }
    }
    return target;
}

std::string candidates_text(const std::vector<Candidate>& candidates)
{
    std::string text;
    for (const auto& candidate : candidates) {
        text += candidate.text + "\t" + candidate.meaning + "\n";
    }
    return text;
}

} // namespace virtpind::client
