// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arguments.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/version.hpp"
#include "line_errors.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace virtpind::client {

namespace {

// What the command line holds before it is turned into values.
struct Given {
    std::vector<std::string> hosts;
    std::string machine;
    std::string bus = "system";
    std::string json = "off";
    bool no_legend = false;
    bool no_pager = false;
    bool no_ask_password = false;
};

// One of the values, which the option's type name lists: CLI11 would append them to it.
CLI::Validator one_of(std::vector<std::string> values)
{
    CLI::IsMember member{std::move(values)};
    member.description("");
    return member;
}

void add_common_options(CLI::App& app, Given& given, Arguments& arguments)
{
    app.add_option("-H,--host", given.hosts,
                   "[USER@]HOST whose service to ask, by ssh; repeatable for status and list")
        ->type_name("HOST")
        ->allow_extra_args(false);
    app.add_option("-M,--machine", given.machine, "local container whose service to ask")
        ->type_name("MACHINE");
    app.add_option("--bus", given.bus, "message bus of the service")
        ->check(one_of({"system", "session"}))
        ->type_name("system|session")
        ->capture_default_str();
    app.add_option("--json", given.json, "output for programs")
        ->check(one_of({"off", "short", "pretty"}))
        ->type_name("off|short|pretty")
        ->capture_default_str();
    app.add_flag("-q,--quiet", arguments.quiet, "print only errors");
    app.add_flag("--no-legend", given.no_legend, "no headings, explanations or hints");
    app.add_flag("--no-pager", given.no_pager, "print long texts without a pager");
    app.add_flag("--no-ask-password", given.no_ask_password, "do not ask for a password");
}

void add_guests(CLI::App& verb, Arguments& arguments,
                const std::string& meaning = "name, UUID, or the beginning of one")
{
    verb.add_option("GUEST", arguments.guests, meaning)->allow_extra_args();
}

// "GUEST [POLICY] [NAME=VALUE...]" lands in the words and is taken apart by the verb.
void add_policy_words(CLI::App& verb, Arguments& arguments)
{
    verb.add_option("WORD", arguments.words,
                    "a guest, then a policy, options as NAME=VALUE, or both; NAME= takes one away")
        ->allow_extra_args();
    verb.add_flag("--clear", arguments.clear, "drop the options that are not named");
}

void add_options_of(CLI::App& verb, Verb which, Arguments& arguments)
{
    switch (which) {
    case Verb::list:
        verb.add_flag("--problems", arguments.problems_only, "only guests that are not as asked");
        break;
    case Verb::show:
    case Verb::explain:
        add_guests(verb, arguments);
        break;
    case Verb::plan:
        add_policy_words(verb, arguments);
        verb.add_option("--xml", arguments.file,
                        "definition of a guest that libvirt does not have; - is standard input")
            ->type_name("FILE");
        break;
    case Verb::set:
        add_policy_words(verb, arguments);
        verb.add_flag("--runtime", arguments.runtime_only,
                      "do not store it: it ends with the service");
        verb.add_flag("--defer", arguments.defer, "from the guest's next start");
        break;
    case Verb::reset:
        add_guests(verb, arguments, "name or UUID");
        verb.add_flag("--all", arguments.all,
                      "every guest that has a policy or options of its own");
        verb.add_flag("--yes", arguments.yes, "do not ask before --all");
        verb.add_flag("--runtime", arguments.runtime_only, "only what set --runtime has set");
        break;
    case Verb::hold:
        add_guests(verb, arguments, "name or UUID");
        verb.add_option("--reason", arguments.reason, "for people; explain shows it")
            ->type_name("TEXT");
        break;
    case Verb::doctor:
        add_guests(verb, arguments);
        verb.add_flag("-v,--verbose", arguments.verbose, "what could not be measured, too");
        verb.add_option("--fix", arguments.fix, "mend this finding, where the service can")
            ->type_name("ID");
        verb.add_flag("--yes", arguments.yes, "do not ask before --fix");
        break;
    case Verb::export_topology:
        verb.add_option("FILE", arguments.file, "where to write it; default: standard output");
        break;
    case Verb::complete:
        verb.add_option("WORD", arguments.words)->allow_extra_args();
        break;
    case Verb::apply:
        add_guests(verb, arguments, "name or UUID");
        break;
    case Verb::watch:
    case Verb::top:
    case Verb::log:
    case Verb::map:
        add_guests(verb, arguments);
        break;
    case Verb::status:
    case Verb::reload:
    case Verb::policies:
    case Verb::metrics:
        break;
    }
}

// Behind "--" guests may begin with a dash; hold and log have a command there.
void take_words_behind_dashes(Arguments& arguments)
{
    const auto has_command = arguments.verb == Verb::hold || arguments.verb == Verb::log;
    if (has_command || !info_of(arguments.verb).takes_guest) {
        return;
    }
    const auto takes_words = arguments.verb == Verb::set || arguments.verb == Verb::plan;
    auto& place = takes_words ? arguments.words : arguments.guests;
    place.insert(place.end(), arguments.command.begin(), arguments.command.end());
    arguments.command.clear();
}

// The definition has no options that could be kept or dropped, but may have a policy.
Result<void> check_plan_of_file(const Arguments& arguments)
{
    if (arguments.clear) {
        return wrong("--clear is for guests that libvirt has, not for plan --xml", "plan");
    }
    const auto& words = arguments.words;
    const auto is_option = [](const std::string& word) {
        return word.find('=') != std::string::npos;
    };
    if (!words.empty() && std::all_of(words.begin(), words.end(), is_option)) {
        return wrong("plan --xml takes options with a policy only, such as: virtpinctl plan --xml "
                     "FILE dedicated " +
                         printable(words.front()) +
                         "; without both, the policy is the definition's",
                     "plan");
    }
    return {};
}

// For set and plan the first word is the guest, for all others that is so already.
Result<void> take_guest(Arguments& arguments)
{
    const auto changes = arguments.verb == Verb::set;
    const auto plans = arguments.verb == Verb::plan && arguments.file.empty();
    if (!changes && !plans) {
        return arguments.verb == Verb::plan ? check_plan_of_file(arguments) : Result<void>{};
    }
    const std::string verb = changes ? "set" : "plan";
    if (arguments.words.empty()) {
        return wrong("name a guest and what it is to have, such as: virtpinctl " + verb +
                         " win11 dedicated",
                     verb);
    }
    arguments.guests = {arguments.words.front()};
    arguments.words.erase(arguments.words.begin());
    if (arguments.words.empty() && !arguments.clear) {
        return wrong(
            "say what " + in_quotes(arguments.guests.front()) +
                " is to have: a policy (virtpinctl policies), options as NAME=VALUE, or both",
            verb);
    }
    return {};
}

Result<void> check_verb(const Arguments& arguments)
{
    if (arguments.verb == Verb::doctor && arguments.guests.size() > 1) {
        return wrong("doctor takes one guest, or none for all", "doctor");
    }
    if (arguments.verb == Verb::reset && arguments.all == !arguments.guests.empty()) {
        return wrong(arguments.all ? "--all and names of guests exclude each other"
                                   : "name the guests whose policy to take back, or pass --all",
                     "reset");
    }
    const auto takes_command = arguments.verb == Verb::hold || arguments.verb == Verb::log;
    const auto name = std::string{info_of(arguments.verb).name};
    if (!arguments.command.empty() && !takes_command) {
        return wrong(name + " takes no arguments behind --", name);
    }
    const auto needs_guest = arguments.verb == Verb::show || arguments.verb == Verb::explain ||
                             arguments.verb == Verb::hold;
    if (needs_guest && arguments.guests.empty()) {
        return wrong("name a guest, such as: virtpinctl " + name + " win11", name);
    }
    if (arguments.defer && arguments.runtime_only) {
        return wrong("--runtime and --defer exclude each other: a policy that ends with the "
                     "service has no next start",
                     "set");
    }
    static constexpr std::array without_json{
        Verb::reload,          Verb::hold, Verb::watch,  Verb::top,
        Verb::export_topology, Verb::log,  Verb::metrics};
    if (arguments.json != JsonMode::off &&
        std::find(without_json.begin(), without_json.end(), arguments.verb) != without_json.end()) {
        return wrong(name + " has no --json; virtpinctl status --json=pretty tells all there is",
                     name);
    }
    return {};
}

Result<void> take_targets(const Given& given, Arguments& arguments)
{
    using Kind = Target::Kind;
    if (!given.hosts.empty() && !given.machine.empty()) {
        return wrong("-H and -M exclude each other", "");
    }
    if (given.bus == "session" && (!given.hosts.empty() || !given.machine.empty())) {
        return wrong("--bus session is of this host only, without -H or -M", "");
    }
    const auto several = arguments.verb == Verb::status || arguments.verb == Verb::list;
    if (given.hosts.size() > 1 && !several) {
        return wrong("only status and list take several -H", "");
    }
    for (const auto& host : given.hosts) {
        if (host.empty() || host.front() == '-') {
            return wrong("-H needs a host, such as root@ada, and not " + in_quotes(host), "");
        }
        arguments.targets.push_back({Kind::host, host});
    }
    if (!given.machine.empty()) {
        arguments.targets.push_back({Kind::machine, given.machine});
    }
    if (arguments.targets.empty()) {
        arguments.targets.push_back({given.bus == "session" ? Kind::session : Kind::system, ""});
    }
    return {};
}

std::string examples()
{
    return "Examples:\n"
           "  virtpinctl                          what is pinned, and what is not as asked\n"
           "  virtpinctl set win11 dedicated      give win11 CPUs of its own\n"
           "  virtpinctl explain win11            why it is where it is\n"
           "  virtpinctl reset win11              take everything back\n"
           "Exit status: 0; 1 the call failed; 2 bad usage; 3 done, but not as asked; 4 no such "
           "guest;\n"
           "5 denied; 6 the service or libvirt cannot be reached. See virtpinctl(1).";
}

} // namespace

std::vector<OptionHelp> options_of(Verb verb)
{
    Arguments arguments;
    Given given;
    CLI::App app;
    add_common_options(app, given, arguments);
    add_options_of(app, verb, arguments);
    std::vector<OptionHelp> options;
    for (const auto* option : app.get_options()) {
        OptionHelp help{.value =
                            option->get_items_expected_max() > 0 ? option->get_type_name() : "",
                        .meaning = option->get_description()};
        for (const auto& name : option->get_snames()) {
            help.names.push_back("-" + name);
        }
        for (const auto& name : option->get_lnames()) {
            help.names.push_back("--" + name);
        }
        if (!help.names.empty()) {
            options.push_back(std::move(help));
        }
    }
    return options;
}

Result<std::variant<Arguments, PrintAndExit>> parse_arguments(std::vector<std::string> words)
{
    using Parsed = std::variant<Arguments, PrintAndExit>;
    Arguments arguments;
    const auto end_of_options = std::find(words.begin(), words.end(), "--");
    const auto completes = std::find(words.begin(), end_of_options, "complete") != end_of_options;
    if (end_of_options != words.end()) {
        (completes ? arguments.words : arguments.command).assign(end_of_options + 1, words.end());
        words.erase(end_of_options, words.end());
    }
    if (auto fine = check_first_word(words); !fine) {
        return std::move(fine).error();
    }
    CLI::App app{"Shows and changes where virtpind pins the guests of libvirt.", "virtpinctl"};
    app.set_version_flag("--version", "virtpinctl " + std::string{version});
    app.require_subcommand(0, 1);
    app.footer(examples());
    Given given;
    add_common_options(app, given, arguments);
    for (const auto& row : verb_table()) {
        auto* verb = app.add_subcommand(std::string{row.name}, std::string{row.summary});
        verb->fallthrough();
        verb->group(row.verb == Verb::complete ? "" : "Verbs");
        if (row.verb == Verb::reset) {
            verb->alias("undo");
        }
        add_options_of(*verb, row.verb, arguments);
        verb->callback([&arguments, which = row.verb] { arguments.verb = which; });
    }
    std::reverse(words.begin(), words.end()); // as CLI11 wants it
    try {
        app.parse(words);
    } catch (const CLI::CallForHelp&) {
        return Parsed{PrintAndExit{app.help()}};
    } catch (const CLI::CallForVersion& wanted) {
        return Parsed{PrintAndExit{std::string{wanted.what()} + "\n"}};
    } catch (const CLI::ParseError& error) {
        return wrong_line(app, error);
    }
    arguments.json = given.json == "pretty"  ? JsonMode::pretty
                     : given.json == "short" ? JsonMode::line
                                             : JsonMode::off;
    arguments.legend = !given.no_legend;
    arguments.pager = !given.no_pager;
    arguments.ask_password = !given.no_ask_password;
    take_words_behind_dashes(arguments);
    for (auto step :
         {take_guest(arguments), check_verb(arguments), take_targets(given, arguments)}) {
        if (!step) {
            return std::move(step).error();
        }
    }
    return Parsed{std::move(arguments)};
}

} // namespace virtpind::client
