// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_command.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/render/plan_json.hpp"
#include "daemon/render/plan_text.hpp"
#include "daemon/render/unified_diff.hpp"
#include "exit_status.hpp"
#include "plan_input.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>

namespace virtpind {

namespace {

// The definition as it would be stored; its own text where nothing changes.
Result<std::string> make_definition(const AskedDomain& asked, const DomainPlan& plan,
                                    const Topology& topology)
{
    if (plan.placement == Placement::none) {
        return asked.text;
    }
    const auto actions =
        diff({.seen = asked.seen, .online = topology.online_cpus(), .abilities = {}}, plan);
    if (!actions.definition) {
        return asked.text;
    }
    auto edited = edit_definition(asked.text, *actions.definition);
    return edited ? std::move(edited)
                  : std::move(edited).error().failed_to("edit " + path_in_quotes(asked.label));
}

// The plan and, unless they are of a scenario, the definition of each domain that was asked for.
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
    auto checked = request;
    if (!input.asked.empty()) {
        checked.intents.clear(); // each was checked with its file, and those beside are not refused
    }
    if (auto valid = validate_request(checked); !valid) {
        return std::move(valid).error();
    }
    if (auto valid = check_housekeeping(scenario); !valid) {
        return std::move(valid).error();
    }
    const auto start = std::chrono::steady_clock::now();
    Answer answer{.plan = make_plan(request), .definitions = {}};
    answer.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
    for (std::size_t i = 0; i < input.asked.size(); ++i) {
        auto& plan = answer.plan.domains[input.beside + i];
        tune_plan(plan, *scenario.topology, scenario.intents[input.beside + i], input.asked[i].seen,
                  TuningAbilities{}, nullptr);
        auto definition = make_definition(input.asked[i], plan, *scenario.topology);
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
    for (std::size_t i = 0; i < input.beside; ++i) {
        json["domains"][i]["beside"] = true;
    }
    for (std::size_t i = 0; i < answer.definitions.size(); ++i) {
        json["domains"][input.beside + i]["definition"] = answer.definitions[i];
    }
    json["elapsed-us"] = answer.elapsed.count();
    // XML in another encoding than UTF-8 is shown with replacement characters rather than not at
    // all.
    out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

// "2 other running domains of libvirt (qemu:///system) are planned along: db, web"
void tell_beside(std::ostream& out, const PlanInput& input)
{
    if (input.beside == 0) {
        return;
    }
    out << '\n'
        << pluralize(input.beside, "other running domain") << " of libvirt ("
        << printable(input.libvirt_uri) << ") "
        << pluralize(input.beside, "is planned along: ", "are planned along: ");
    for (std::size_t i = 0; i < input.beside; ++i) {
        out << (i == 0 ? "" : ", ") << printable(input.scenario.intents[i].name);
    }
    out << '\n';
}

void print_text(std::ostream& out, const PlanInput& input, const Answer& answer)
{
    out << plan_to_text(answer.plan, *input.scenario.topology);
    tell_beside(out, input);
    const auto first_asked =
        input.scenario.intents.begin() + static_cast<std::ptrdiff_t>(input.beside);
    const auto without_policy =
        !input.asked.empty() &&
        std::all_of(first_asked, input.scenario.intents.end(),
                    [](const Intent& intent) { return intent.stance == Stance::hands_off; });
    if (without_policy) {
        out << "\nNone of these domains has a policy. To see what a policy would do:\n"
               "  virtpind plan --policy dedicated ...\n";
    }
    for (std::size_t i = 0; i < answer.definitions.size(); ++i) {
        const auto& asked = input.asked[i];
        const auto diff_text = unified_diff(asked.text, answer.definitions[i], asked.label);
        // For people at a terminal; the definition itself is in the JSON, byte for byte.
        out << (diff_text.empty() ? "" : "\n") << printable_lines(diff_text);
    }
}

// Nobody asked what the domains get that run beside.
bool is_satisfied(const Plan& plan, std::size_t beside)
{
    return std::all_of(plan.domains.begin() + static_cast<std::ptrdiff_t>(beside),
                       plan.domains.end(),
                       [](const DomainPlan& domain) { return domain.satisfied; });
}

} // namespace

int run_plan_command(const PlanOptions& options, std::ostream& out, std::ostream& err)
{
    const auto refuse = [&err](const Error& error) {
        err << "virtpind plan: " << printable(error.message, message_bytes_max) << '\n';
        return exit_bad_input;
    };
    const auto input = read_plan_input(options, err);
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
    return is_satisfied(answer->plan, input->beside) ? exit_good : exit_unsatisfied;
}

} // namespace virtpind
