// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_command.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/text_file.hpp"
#include "common/model/config_json.hpp"
#include "common/model/policy_options.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/render/plan_json.hpp"
#include "daemon/render/plan_text.hpp"
#include "daemon/render/unified_diff.hpp"
#include "exit_status.hpp"
#include "scenario_json.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <ostream>

namespace virtpind {

namespace {

// A domain read from a file, in the place of its intent.
struct DomainFile {
    std::string path;
    std::string text;
    ObservedDomain seen;
};

// Everything a plan is made from.
struct PlanInput {
    Scenario scenario;
    std::vector<DomainFile> files; // none with a scenario file
};

Result<Config> read_config(const PlanOptions& options)
{
    if (options.config_path.empty()) {
        return Config{};
    }
    const auto text = read_text_file(options.config_path, config_bytes_max);
    return text ? parse_config(*text, options.config_path) : text.error();
}

Result<PlanInput> read_scenario(const PlanOptions& options, const Config& config)
{
    const auto text = read_text_file(options.scenario, scenario_bytes_max);
    if (!text) {
        return text.error();
    }
    const auto folder = std::filesystem::path{options.scenario}.parent_path();
    const ScenarioContext context{
        .config = config,
        .topology = options.topology,
        // A file named in the scenario is beside the scenario, wherever that is.
        .load_topology = [&folder, &options](TopologySource source) {
            if (source.kind == TopologySource::Kind::xml && !options.topology) {
                source.text = (folder / source.text).string();
            }
            return read_topology(source);
        }};
    auto scenario = parse_scenario(*text, options.scenario, context);
    if (!scenario) {
        return std::move(scenario).error();
    }
    return PlanInput{.scenario = std::move(*scenario), .files = {}};
}

Result<DomainFile> read_domain_file(const std::string& name, const PolicyCatalog& catalog)
{
    DomainFile file{.path = name == "-" ? "/dev/stdin" : name, .text = {}, .seen = {}};
    auto text = read_text_file(file.path, domain_xml_bytes_max);
    if (!text) {
        return std::move(text).error();
    }
    file.text = std::move(*text);
    auto seen = parse_domain_xml(file.text, catalog, XmlKind::config);
    if (!seen) {
        return std::move(seen).error().failed_to("read " + path_in_quotes(file.path));
    }
    file.seen = std::move(*seen);
    if (file.seen.facts.active()) {
        file.seen.running = {
            .pins = file.seen.pins_in_force()}; // dumped from a running domain: its pins are live
    }
    return file;
}

Error bad_file(const DomainFile& file, const std::string& what)
{
    return Error{.code = Errc::invalid_argument, .message = what}.failed_to(
        "read " + path_in_quotes(file.path));
}

// A definition in a file is about to be started.
Activity arriving_unless_running(Activity activity)
{
    return activity == Activity::dormant ? Activity::arriving : activity;
}

const DomainFile* find_twin(const std::vector<DomainFile>& files, const DomainUuid& uuid)
{
    const auto at = std::find_if(files.begin(), files.end(), [&uuid](const DomainFile& file) {
        return file.seen.facts.uuid == uuid;
    });
    return at != files.end() ? &*at : nullptr;
}

// The policy on the command line; nothing when there is none.
Result<std::optional<PolicySpec>> read_policy(const PlanOptions& options,
                                              const PolicyCatalog& catalog)
{
    if (options.policy.empty()) {
        return std::optional<PolicySpec>{};
    }
    OptionMap values;
    for (const auto& text : options.policy_options) {
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        const auto* option = find_option(name);
        if (option == nullptr) {
            return Error{.code = Errc::invalid_policy,
                         .message = unknown_word("option", name, option_names())}
                .failed_to("read --option");
        }
        if (equals == std::string::npos) {
            return Error{.code = Errc::invalid_policy,
                         .message = in_quotes(text) + " has no value; write " + name + "=VALUE"}
                .failed_to("read --option");
        }
        auto value = parse_option_text(*option, text.substr(equals + 1));
        if (!value) {
            return std::move(value).error().failed_to("read --option");
        }
        values.insert_or_assign(name, std::move(*value));
    }
    auto spec = make_policy_spec(catalog, options.policy, std::move(values), PolicyName::required);
    if (!spec) {
        return std::move(spec).error().failed_to("read --policy");
    }
    return std::optional{std::move(*spec)};
}

Result<PlanInput> read_domain_files(const PlanOptions& options, const Config& config)
{
    const auto policy = read_policy(options, config.catalog);
    if (!policy) {
        return policy.error();
    }
    auto topology = read_topology(options.topology.value_or(TopologySource{}));
    if (!topology) {
        return std::move(topology).error();
    }
    PlanInput input;
    input.scenario.topology = std::make_shared<const Topology>(std::move(*topology));
    input.scenario.housekeeping = config.housekeeping;
    std::vector<ObservedDomain> domains;
    for (const auto& name : options.domains) {
        auto file = read_domain_file(name, config.catalog);
        if (!file) {
            return std::move(file).error();
        }
        auto& uuid = file->seen.facts.uuid;
        uuid = uuid.str().empty() ? made_up_uuid(domains.size()) : uuid;
        if (const auto* twin = find_twin(input.files, uuid)) {
            return bad_file(*file, "uuid: " + uuid.str() + " is also in " +
                                       path_in_quotes(twin->path) + "; each domain needs its own");
        }
        if (*policy) { // as SetPolicy would store it
            file->seen.facts.metadata.content.emplace(**policy);
        }
        domains.push_back(file->seen);
        input.files.push_back(std::move(*file));
    }
    auto decisions = decide_intents({.config = config,
                                     .topology = *input.scenario.topology,
                                     .domains = domains,
                                     .histories = {},
                                     .look = IntentInput::Look::first});
    for (std::size_t i = 0; i < decisions.size(); ++i) {
        auto& decision = decisions[i];
        if (decision.unreadable) {
            return std::move(*decision.unreadable)
                .failed_to("read " + path_in_quotes(input.files[i].path));
        }
        if (const auto wrong =
                find_fault(*input.scenario.topology, decision.intent, Names::of_this_host)) {
            return bad_file(input.files[i], wrong->field + ": " + wrong->what);
        }
        decision.intent.activity = arriving_unless_running(decision.intent.activity);
        input.scenario.intents.push_back(std::move(decision.intent));
    }
    return input;
}

Result<PlanInput> read_input(const PlanOptions& options)
{
    const auto config = read_config(options);
    if (!config) {
        return config.error();
    }
    return options.scenario.empty() ? read_domain_files(options, *config)
                                    : read_scenario(options, *config);
}

// The definition as it would be stored; the file's own text where nothing changes.
Result<std::string> make_definition(const DomainFile& file, const DomainPlan& plan,
                                    const Topology& topology)
{
    if (plan.placement == Placement::none) {
        return file.text;
    }
    const auto actions =
        diff({.seen = file.seen, .online = topology.online_cpus(), .abilities = {}}, plan);
    if (!actions.definition) {
        return file.text;
    }
    auto edited = edit_definition(file.text, *actions.definition);
    return edited ? std::move(edited)
                  : std::move(edited).error().failed_to("edit " + path_in_quotes(file.path));
}

// The plan and, for domain files, the definition of each.
struct Answer {
    Plan plan;
    std::vector<std::string> definitions;
    std::chrono::microseconds elapsed{};
};

// A scenario's own is checked where it is read; the configuration's knows its host only here.
Result<void> check_housekeeping(const Scenario& scenario)
{
    const auto& topology = *scenario.topology;
    const auto usable = topology.usable_cpus() & scenario.usable.value_or(topology.all_cpus());
    const auto wrong = scenario.housekeeping
                           ? find_housekeeping_fault(*scenario.housekeeping, usable)
                           : std::nullopt;
    return wrong ? Error{.code = Errc::invalid_config, .message = "housekeeping: " + *wrong}
                 : Result<void>{};
}

Result<Answer> make_answer(const PlanInput& input)
{
    const auto& scenario = input.scenario;
    const PlanRequest request{.topology = scenario.topology.get(),
                              .usable = scenario.usable,
                              .housekeeping = scenario.housekeeping,
                              .intents = scenario.intents};
    if (auto valid = validate_request(request); !valid) {
        return std::move(valid).error();
    }
    if (auto valid = check_housekeeping(scenario); !valid) {
        return std::move(valid).error();
    }
    const auto start = std::chrono::steady_clock::now();
    Answer answer{.plan = make_plan(request), .definitions = {}};
    answer.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
    for (std::size_t i = 0; i < input.files.size(); ++i) {
        tune_plan(answer.plan.domains[i], *scenario.topology, scenario.intents[i],
                  input.files[i].seen, TuningAbilities{}, nullptr);
        auto definition =
            make_definition(input.files[i], answer.plan.domains[i], *scenario.topology);
        if (!definition) {
            return std::move(definition).error();
        }
        answer.definitions.push_back(std::move(*definition));
    }
    return answer;
}

void print_json(std::ostream& out, const PlanInput& input, const Answer& answer)
{
    auto json = plan_to_json(answer.plan, *input.scenario.topology);
    for (std::size_t i = 0; i < answer.definitions.size(); ++i) {
        json["domains"][i]["definition"] = answer.definitions[i];
    }
    json["elapsed-us"] = answer.elapsed.count();
    // XML in another encoding than UTF-8 is shown with replacement characters rather than not at
    // all.
    out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void print_text(std::ostream& out, const PlanInput& input, const Answer& answer)
{
    out << plan_to_text(answer.plan, *input.scenario.topology);
    const auto without_policy =
        !input.files.empty() &&
        std::all_of(input.scenario.intents.begin(), input.scenario.intents.end(),
                    [](const Intent& intent) { return intent.stance == Stance::hands_off; });
    if (without_policy) {
        out << "\nNone of these domains has a policy. To see what a policy would do:\n"
               "  virtpind plan --policy dedicated ...\n";
    }
    for (std::size_t i = 0; i < answer.definitions.size(); ++i) {
        const auto& file = input.files[i];
        const auto diff_text = unified_diff(file.text, answer.definitions[i], file.path);
        // For people at a terminal; the definition itself is in the JSON, byte for byte.
        out << (diff_text.empty() ? "" : "\n") << printable_lines(diff_text);
    }
}

bool is_satisfied(const Plan& plan)
{
    return std::all_of(plan.domains.begin(), plan.domains.end(),
                       [](const DomainPlan& domain) { return domain.satisfied; });
}

} // namespace

int run_plan_command(const PlanOptions& options, std::ostream& out, std::ostream& err)
{
    const auto refuse = [&err](const Error& error) {
        err << "virtpind plan: " << printable(error.message, message_bytes_max) << '\n';
        return exit_bad_input;
    };
    const auto input = read_input(options);
    if (!input) {
        return refuse(input.error());
    }
    const auto answer = make_answer(*input);
    if (!answer) {
        return refuse(answer.error());
    }
    switch (options.format) {
    case PlanFormat::json:
        print_json(out, *input, *answer);
        break;
    case PlanFormat::text:
        print_text(out, *input, *answer);
        break;
    }
    return is_satisfied(answer->plan) ? exit_good : exit_unsatisfied;
}

} // namespace virtpind
