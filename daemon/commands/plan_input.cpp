// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_input.hpp"

#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"
#include "common/model/config_files.hpp"
#include "common/model/policy_text.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/validate.hpp"
#include "input_kind.hpp"

#include <filesystem>
#include <memory>

namespace virtpind {

namespace {

Result<Config> read_config(const PlanOptions& options)
{
    if (options.config_path.empty()) {
        return Config{};
    }
    return read_config_files(options.config_path, MissingFile::is_error);
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
            if (source.kind != TopologySource::Kind::synthetic && !options.topology) {
                source.text = (folder / source.text).string();
            }
            return read_topology(source);
        }};
    auto scenario = parse_scenario(*text, options.scenario, context);
    if (!scenario) {
        const auto other = instead_of_scenario(*text);
        return other ? Error{.code = Errc::invalid_argument, .message = *other}.failed_to(
                           "read " + path_in_quotes(options.scenario))
                     : std::move(scenario).error();
    }
    return PlanInput{.scenario = std::move(*scenario), .asked = {}};
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
        auto option = parse_option_assignment(text);
        if (!option) {
            return std::move(option).error().failed_to("read --option");
        }
        values.insert_or_assign(std::move(option->first), std::move(option->second));
    }
    auto spec = make_policy_spec(catalog, options.policy, std::move(values), PolicyName::required);
    if (!spec) {
        return std::move(spec).error().failed_to("read --policy");
    }
    return std::optional{std::move(*spec)};
}

// What is wrong with the policy of the command line is not the domain's fault.
Error blame(const IntentFault& wrong, const AskedDomain& domain,
            const std::optional<PolicySpec>& policy)
{
    constexpr std::string_view of_policy = "policy.";
    const auto is_policy = policy && wrong.field.starts_with(of_policy);
    const auto option = is_policy ? wrong.field.substr(of_policy.size()) : wrong.field;
    const auto where = !is_policy                         ? to_read(domain)
                       : policy->options.contains(option) ? "read --option"
                                                          : "read --policy";
    return Error{.code = Errc::invalid_argument, .message = option + ": " + wrong.what}.failed_to(
        where);
}

// The pins that virtpind made are known by the note that it leaves in the metadata.
DomainHistory history_of(const ObservedDomain& seen, const std::string& boot_id)
{
    DomainHistory history;
    if (const auto known = merge_undo(std::nullopt, seen, boot_id); known.image) {
        history.touched = true;
        history.before = known.image->pins_for(seen.facts.id, boot_id).value_or(PinSet{});
    }
    return history;
}

// A domain that was asked for is about to be started, unless it runs in its place.
Activity arriving_unless_running(Activity activity)
{
    return activity == Activity::dormant ? Activity::arriving : activity;
}

// The intents of those beside, which nobody asked for: what is wrong with one is no error, it is
// left alone, as the daemon leaves it.
void take_beside(Decision& decision, const Topology& topology)
{
    const auto wrong = find_fault(topology, decision.intent, Names::of_any_host);
    if (wrong && decision.stance == Stance::managed) {
        mark_broken(
            decision,
            Error{.code = Errc::invalid_policy, .message = wrong->field + ": " + wrong->what},
            ReasonCode::policy_invalid);
    }
}

Result<void> take_asked(Decision& decision, const AskedDomain& domain, const Topology& topology,
                        const std::optional<PolicySpec>& policy)
{
    if (decision.unreadable) {
        const auto is_policy = policy && decision.unreadable->code == Errc::invalid_policy;
        return std::move(*decision.unreadable)
            .failed_to(!is_policy                ? to_read(domain)
                       : policy->options.empty() ? "read --policy"
                                                 : "read --option");
    }
    if (const auto wrong = find_fault(topology, decision.intent, Names::of_this_host)) {
        return blame(*wrong, domain, policy);
    }
    decision.intent.activity = arriving_unless_running(decision.intent.activity);
    return {};
}

Result<PlanInput> read_domains(const PlanOptions& options, const Config& config, std::ostream& err)
{
    const auto policy = read_policy(options, config.catalog);
    if (!policy) {
        return policy.error();
    }
    auto topology = read_topology(options.topology.value_or(TopologySource{}));
    if (!topology) {
        return std::move(topology).error();
    }
    auto read = read_asked_domains(options, config.catalog, err);
    if (!read) {
        return std::move(read).error();
    }
    PlanInput input{.scenario = {},
                    .asked = std::move(read->asked),
                    .beside = read->beside.size(),
                    .libvirt_uri = std::move(read->libvirt_uri)};
    input.scenario.topology = std::make_shared<const Topology>(std::move(*topology));
    input.scenario.housekeeping = config.housekeeping;
    auto domains = std::move(read->beside);
    Histories histories;
    const auto boot_id = input.libvirt_uri.empty() ? std::string{} : read_boot_id();
    for (const auto& domain : domains) {
        histories.emplace(domain.facts.uuid, history_of(domain, boot_id));
    }
    for (auto& asked : input.asked) {
        if (*policy) { // as SetPolicy would store it
            asked.seen.facts.metadata.content.emplace(**policy);
        } else if (!input.libvirt_uri.empty()) {
            histories.emplace(asked.seen.facts.uuid, history_of(asked.seen, boot_id));
        }
        domains.push_back(asked.seen);
    }
    auto decisions = decide_intents({.config = config,
                                     .topology = *input.scenario.topology,
                                     .domains = domains,
                                     .histories = histories,
                                     .look = IntentInput::Look::first});
    for (std::size_t i = 0; i < decisions.size(); ++i) {
        auto& decision = decisions[i];
        if (i < input.beside) {
            take_beside(decision, *input.scenario.topology);
        } else if (auto taken = take_asked(decision, input.asked[i - input.beside],
                                           *input.scenario.topology, *policy);
                   !taken) {
            return std::move(taken).error();
        }
        input.scenario.intents.push_back(std::move(decision.intent));
    }
    return input;
}

} // namespace

Result<PlanInput> read_plan_input(const PlanOptions& options, std::ostream& err)
{
    const auto config = read_config(options);
    if (!config) {
        return config.error();
    }
    return options.scenario.empty() ? read_domains(options, *config, err)
                                    : read_scenario(options, *config);
}

} // namespace virtpind
