// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.hpp"

#include "common/base/printable.hpp"
#include "common/base/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace virtpind {

namespace {

// What the command line holds before it is turned into values.
struct Words {
    std::string config;
    std::string topology;
    std::string bus = "system";
    std::string log_level = "info";
    std::string format = "text";
    std::string fail_on = "error";
};

const std::map<std::string, spdlog::level::level_enum> log_levels{
    {"debug", spdlog::level::debug},
    {"info", spdlog::level::info},
    {"warning", spdlog::level::warn},
    {"error", spdlog::level::err},
};

// One of the values, which the option's type name lists: CLI11 would append them to it.
CLI::Validator one_of(std::vector<std::string> values)
{
    CLI::IsMember member{std::move(values)};
    member.description("");
    return member;
}

void add_uri(CLI::App& app, std::string& uri)
{
    app.add_option("--uri", uri, "libvirt connection")->type_name("URI")->capture_default_str();
}

void add_state_dir(CLI::App& app, std::string& state_dir)
{
    app.add_option("--state-dir", state_dir, "directory of the before-images")
        ->type_name("DIR")
        ->capture_default_str();
}

void add_topology(CLI::App& app, Words& words)
{
    app.add_option("--topology", words.topology,
                   "topology of the host: live, xml:FILE (hwloc XML, as lstopo writes it) or "
                   "synthetic:DESCRIPTION (hwloc's, \"pack:1 l3:2 core:4 pu:2\")")
        ->type_name("SOURCE");
}

// lscpu tells nothing of memory, so what changes domains does not go by it.
enum class Lscpu { refused, accepted };

// Leaves `topology` as it is where none was given.
template <class Topology>
Result<void> read_topology_option(const Words& words, Topology& topology,
                                  Lscpu lscpu = Lscpu::refused)
{
    if (words.topology.empty()) {
        return {};
    }
    auto source = parse_topology_source(words.topology);
    if (!source) {
        return std::move(source).error().failed_to("read --topology");
    }
    if (source->kind == TopologySource::Kind::lscpu && lscpu == Lscpu::refused) {
        return Error{.code = Errc::invalid_argument,
                     .message = "lscpu:FILE is for virtpind plan only, since lscpu does not tell "
                                "which nodes have memory; use xml:FILE, as lstopo writes it"}
            .failed_to("read --topology");
    }
    topology = std::move(*source);
    return {};
}

void add_daemon_options(CLI::App& app, DaemonOptions& options, Words& words)
{
    app.add_option("--config", words.config, "configuration file")
        ->type_name("FILE")
        ->default_str(default_config_path);
    add_uri(app, options.uri);
    app.add_option("--bus", words.bus, "message bus")
        ->check(one_of({"system", "session"}))
        ->type_name("system|session")
        ->capture_default_str();
    add_topology(app, words);
    add_state_dir(app, options.state_dir);
    app.add_option("--runtime-dir", options.runtime_dir, "reserved, unused in this version")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--log-level", words.log_level, "least severe messages to log")
        ->check(one_of({"debug", "info", "warning", "error"}))
        ->type_name("debug|info|warning|error")
        ->capture_default_str();
    app.add_flag("--check-config", options.check_config, "validate the configuration and exit");
}

void add_plan_options(CLI::App& plan, PlanOptions& options, Words& words)
{
    plan.add_option("--topology", words.topology,
                    "topology of the host: live, xml:FILE (hwloc XML, as lstopo writes it), "
                    "lscpu:FILE (a table of lscpu -e or lscpu -p; - is standard input) or "
                    "synthetic:DESCRIPTION (hwloc's, \"pack:1 l3:2 core:4 pu:2\")")
        ->type_name("SOURCE");
    plan.add_option("--config", options.config_path, "configuration file")->type_name("FILE");
    plan.add_option("--format", words.format, "output format")
        ->check(one_of({"text", "json"}))
        ->type_name("text|json")
        ->capture_default_str();
    auto* scenario = plan.add_option("--scenario", options.scenario, "host and domains as JSON")
                         ->type_name("FILE");
    auto* domains = plan.add_option(
        "DOMAIN", options.domains,
        "in order of arrival: files with domain definitions, - for standard input, or names or "
        "UUIDs of libvirt's domains, beside which the others that run are planned along");
    add_uri(plan, options.uri);
    auto* policy =
        plan.add_option("--policy", options.policy, "plan all these domains with this policy")
            ->type_name("NAME");
    auto* option = plan.add_option("--option", options.policy_options,
                                   "option of that policy, NAME=VALUE; may be repeated")
                       ->type_name("SETTING")
                       ->allow_extra_args(false)
                       ->needs(policy);
    scenario->excludes(domains)->excludes(policy)->excludes(option);
    domains->excludes(scenario);
    plan.footer(
        "Exit status: 0; 3 when a domain gets less than its policy asks for; 2 on bad input.");
}

void add_doctor_options(CLI::App& doctor, DoctorOptions& options, Words& words)
{
    add_topology(doctor, words);
    add_uri(doctor, options.uri);
    doctor
        .add_option("--root", options.root,
                    "a copy of the host's /proc, /sys and /etc, for --topology of another host")
        ->type_name("DIR");
    doctor.add_flag("--json", options.json, "print JSON");
    auto* domains = doctor.add_option(
        "DOMAIN", options.domains,
        "files with domain definitions, - for standard input, or names or UUIDs of libvirt's "
        "domains; all of libvirt's, if none is named");
    doctor.add_option("--explain", options.explain, "tell what a finding means, by its id")
        ->type_name("ID")
        ->excludes(domains);
    doctor
        .add_option("--fail-on", words.fail_on, "least severe findings for which the status is 3")
        ->check(one_of({"error", "warning", "never"}))
        ->type_name("error|warning|never")
        ->capture_default_str();
    doctor.footer("Changes nothing. Exit status: 0; 3 when an error was found, or what --fail-on "
                  "names; 1 when libvirt "
                  "cannot be asked; 2 on bad input.");
}

void add_restore_options(CLI::App& restore, RestoreOptions& options, Words& words, bool& all)
{
    add_uri(restore, options.uri);
    add_state_dir(restore, options.state_dir);
    add_topology(restore, words);
    auto* every = restore.add_flag("--all", all,
                                   "every domain that virtpind has changed or that has a policy");
    auto* domains = restore.add_option("DOMAIN", options.domains, "name or UUID");
    every->excludes(domains);
    domains->excludes(every);
    restore.footer(
        "Stop the daemon first. Exit status: 0; 1 when something could not be restored; 2 on bad "
        "input.");
}

void add_migrate_xml_options(CLI::App& app, MigrateXmlOptions& options, Words& words)
{
    add_uri(app, options.uri);
    app.add_flag("--persistent", options.persistent,
                 "print the definition, for virsh migrate --persistent-xml");
    app.add_option(
           "--topology", words.topology,
           "topology of the destination, to keep the pins that fit there: xml:FILE (hwloc XML, "
           "as lstopo writes it there) or synthetic:DESCRIPTION; with standard input, the "
           "default is this host")
        ->type_name("SOURCE");
    app.add_option("DOMAIN", options.domain,
                   "name or UUID; - reads XML from standard input, without libvirt")
        ->required();
    app.footer("Exit status: 0; 1 when libvirt cannot provide the XML; 2 on bad input.");
}

// An option of the daemon says nothing to a command, which may have one of the same name.
Result<void> refuse_options_before(const CLI::App& app, const CLI::App& command)
{
    const auto& name = command.get_name();
    for (const auto* option : app.get_options()) {
        if (option->count() == 0) {
            continue;
        }
        const auto written = option->get_name();
        const auto has_it = command.get_option_no_throw(written) != nullptr;
        return Error{.code = Errc::invalid_argument,
                     .message = written + " before '" + name + "' is an option of the daemon; " +
                                (has_it ? "write it after '" + name + "'"
                                        : "'" + name + "' has no such option") +
                                "; see virtpind " + name + " --help"};
    }
    return {};
}

Result<Options> finish_restore(RestoreOptions options, const Words& words, bool all)
{
    if (!all && options.domains.empty()) {
        return Error{.code = Errc::invalid_argument,
                     .message = "nothing to restore: name domains, or pass --all; see virtpind "
                                "restore --help"};
    }
    if (auto read = read_topology_option(words, options.topology); !read) {
        return std::move(read).error();
    }
    return Options{std::move(options)};
}

Result<Options> finish_migrate_xml(MigrateXmlOptions options, const Words& words)
{
    if (auto read = read_topology_option(words, options.topology); !read) {
        return std::move(read).error();
    }
    return Options{std::move(options)};
}

Result<Options> finish_doctor(DoctorOptions options, const Words& words)
{
    if (auto read = read_topology_option(words, options.topology); !read) {
        return std::move(read).error();
    }
    options.fail_on = words.fail_on == "never"     ? FailOn::never
                      : words.fail_on == "warning" ? FailOn::warning
                                                   : FailOn::error;
    return Options{std::move(options)};
}

Result<Options> finish_daemon(DaemonOptions options, const Words& words)
{
    if (!words.config.empty()) {
        options.config_path = words.config;
        options.config_named = true;
    }
    if (auto read = read_topology_option(words, options.topology); !read) {
        return std::move(read).error();
    }
    options.bus = words.bus == "session" ? bus::BusKind::session : bus::BusKind::system;
    options.log_level = log_levels.at(words.log_level);
    return Options{std::move(options)};
}

Result<Options> finish_plan(PlanOptions options, const Words& words)
{
    if (options.scenario.empty() && options.domains.empty()) {
        return Error{.code = Errc::invalid_argument,
                     .message = "nothing to plan: name a scenario (--scenario FILE.json), domain "
                                "definitions (FILE.xml...) or libvirt's domains (NAME...); see "
                                "virtpind plan --help"};
    }
    if (auto read = read_topology_option(words, options.topology, Lscpu::accepted); !read) {
        return std::move(read).error();
    }
    const auto topology_from_stdin = options.topology &&
                                     options.topology->kind == TopologySource::Kind::lscpu &&
                                     options.topology->text == "-";
    const auto from_stdin = std::count(options.domains.begin(), options.domains.end(), "-") +
                            (topology_from_stdin ? 1 : 0);
    if (from_stdin > 1) {
        return Error{.code = Errc::invalid_argument,
                     .message = "standard input (-) is named " + std::to_string(from_stdin) +
                                " times, but can be read only once; use files for the others"};
    }
    options.format = words.format == "json" ? PlanFormat::json : PlanFormat::text;
    return Options{std::move(options)};
}

} // namespace

namespace {

// Who names a guest or a verb of virtpinctl means virtpinctl, not the service.
Result<void> check_command(const CLI::App& app, int argc, const char* const* argv)
{
    if (argc < 2 || *argv[1] == '-' || *argv[1] == '\0') {
        return {};
    }
    std::string commands;
    for (const auto* command : app.get_subcommands({})) {
        if (command->check_name(argv[1])) {
            return {};
        }
        commands += (commands.empty() ? "" : ", ") + command->get_name();
    }
    return Error{.code = Errc::invalid_argument,
                 .message = "unknown command '" + printable(argv[1], 80) + "'" +
                            "; this is the service, whose commands are " + commands +
                            "; guests are shown and changed by virtpinctl: see virtpinctl --help"};
}

} // namespace

Result<Options> parse_options(int argc, const char* const* argv)
{
    CLI::App app{"Pins libvirt domains to CPUs by policy, and keeps them pinned.", "virtpind"};
    app.set_version_flag("--version", "virtpind " + std::string{version});
    DaemonOptions daemon;
    PlanOptions plan;
    DoctorOptions doctor;
    RestoreOptions restore;
    MigrateXmlOptions migrate_xml;
    bool restore_all = false;
    Words words;
    add_daemon_options(app, daemon, words);
    auto* plan_command =
        app.add_subcommand("plan", "show where domains would go, without changing anything");
    add_plan_options(*plan_command, plan, words);
    auto* doctor_command = app.add_subcommand(
        "doctor", "tell what is wrong with domains and this host, without changing anything");
    add_doctor_options(*doctor_command, doctor, words);
    auto* restore_command = app.add_subcommand(
        "restore", "restore domains to the state from before virtpind first changed them");
    add_restore_options(*restore_command, restore, words, restore_all);
    auto* migrate_xml_command = app.add_subcommand(
        "migrate-xml",
        "print a domain's XML as another host can start it, without changing anything");
    add_migrate_xml_options(*migrate_xml_command, migrate_xml, words);
    if (auto known = check_command(app, argc, argv); !known) {
        return std::move(known).error();
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return Options{PrintAndExit{.text = app.help()}};
    } catch (const CLI::CallForVersion& wanted) {
        return Options{PrintAndExit{.text = std::string{wanted.what()} + "\n"}};
    } catch (const CLI::ParseError& wrong) {
        return Error{.code = Errc::invalid_argument,
                     .message = std::string{wrong.what()} + "; see virtpind " +
                                (app.get_subcommands().empty()
                                     ? ""
                                     : app.get_subcommands().front()->get_name() + " ") +
                                "--help"};
    }
    for (const auto* command : app.get_subcommands()) {
        if (auto fine = refuse_options_before(app, *command); !fine) {
            return std::move(fine).error();
        }
    }
    if (restore_command->parsed()) {
        return finish_restore(std::move(restore), words, restore_all);
    }
    if (doctor_command->parsed()) {
        return finish_doctor(std::move(doctor), words);
    }
    if (migrate_xml_command->parsed()) {
        return finish_migrate_xml(std::move(migrate_xml), words);
    }
    return plan_command->parsed() ? finish_plan(std::move(plan), words)
                                  : finish_daemon(std::move(daemon), words);
}

} // namespace virtpind
