// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/answers.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/explain_text.hpp"
#include "clients/view/facts_json.hpp"
#include "clients/view/guest_state.hpp"
#include "clients/view/map_text.hpp"
#include "clients/view/metrics_text.hpp"
#include "clients/view/policies_text.hpp"
#include "clients/view/status_text.hpp"
#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"
#include "policy_change.hpp"
#include "policy_words.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <fstream>

namespace virtpind::client {

namespace {

bool wants_json(const Session& session)
{
    return session.arguments.json != JsonMode::off;
}

// Several services are told apart by a line each.
std::string heading(const Session& session)
{
    return session.arguments.targets.size() > 1 ? target_text(session.target) + ":\n" : "";
}

// Of the service as a whole: without libvirt it knows nothing.
ExitStatus service_status(const Snapshot& snapshot)
{
    return snapshot.service.state == "disconnected" ? exit_unreachable : exit_ok;
}

Result<std::optional<Layout>> ask_layout(Session& session)
{
    const auto json = session.ask("waiting for virtpind",
                                  [](ServiceProxy& service) { return service.describe(); });
    if (!json) {
        return json.error();
    }
    return read_layout(*json);
}

} // namespace

ExitStatus run_status(Session& session)
{
    const auto snapshot = session.snapshot();
    if (!snapshot) {
        return report(snapshot.error());
    }
    const auto status = service_status(*snapshot);
    if (wants_json(session)) {
        return session.print_json(snapshot_json(*snapshot), status);
    }
    return session.print(heading(session) + render_status(*snapshot, session.look), status);
}

ExitStatus run_list(Session& session)
{
    const auto snapshot = session.snapshot();
    if (!snapshot) {
        return report(snapshot.error());
    }
    auto guests = snapshot->guests;
    if (session.arguments.problems_only) {
        std::erase_if(guests, [](const Guest& guest) { return is_as_asked(guest); });
    }
    const auto status = service_status(*snapshot);
    if (wants_json(session)) {
        return session.print_json(guests_json(guests), status);
    }
    if (status != exit_ok) {
        remark("virtpind has no connection to libvirt; see virtpinctl status");
    }
    return session.print(heading(session) + render_guests(guests, session.look), status);
}

ExitStatus run_show(Session& session)
{
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& guests = asked->guests;
    std::string text;
    std::vector<Guest> shown;
    for (const auto* guest : guests) {
        text += (text.empty() ? "" : "\n") + render_guest(*guest, session.look);
        shown.push_back(*guest);
    }
    return wants_json(session) ? session.print_json(guests_json(shown)) : session.print(text);
}

ExitStatus run_map(Session& session)
{
    const auto asked = session.choose_with_libvirt();
    if (!asked) {
        return report(asked.error());
    }
    const auto& snapshot = asked->snapshot;
    const auto& guests = asked->guests;
    if (wants_json(session)) {
        const auto json = session.ask("waiting for virtpind",
                                      [](ServiceProxy& service) { return service.describe(); });
        return json ? session.print_json(*json) : report(json.error());
    }
    const auto layout = ask_layout(session);
    if (!layout) {
        return report(layout.error());
    }
    if (!*layout) {
        return report(
            {.code = Errc::unsupported,
             .message =
                 snapshot.service.interface_version < 2
                     ? "the service " + snapshot.service.version +
                           " is older than this virtpinctl and does not tell the host's layout; "
                           "virtpinctl export writes it for lstopo"
                     : "virtpind has not read the host yet; try again"});
    }
    std::vector<Guest> shown;
    for (const auto* guest : guests) {
        shown.push_back(*guest);
    }
    return session.print(render_map(**layout, map_guests(shown), snapshot.service.housekeeping,
                                    snapshot.service.pool, session.look));
}

ExitStatus run_explain(Session& session)
{
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& guests = asked->guests;
    std::string text;
    for (const auto* guest : guests) {
        const auto json = session.ask("waiting for virtpind", [&](ServiceProxy& service) {
            return service.explain(guest->uuid);
        });
        if (!json) {
            return report(json.error());
        }
        if (wants_json(session)) {
            if (const auto status = session.print_json(*json); status != exit_ok) {
                return status;
            }
            continue;
        }
        const auto explanation = read_explanation(*json);
        if (!explanation) {
            return report(explanation.error());
        }
        text += (text.empty() ? "" : "\n") + render_explanation(*guest, *explanation, session.look);
    }
    return session.print_paged(text);
}

namespace {

// The change that was planned, for set.
std::string typed_words(const Arguments& arguments)
{
    std::string text;
    for (const auto& word : arguments.words) {
        text += (text.empty() ? "" : " ") + shell_word(word);
    }
    return text + (arguments.clear ? text.empty() ? "--clear" : " --clear" : "");
}

// The same as plan, for a definition in a file.
ExitStatus plan_file(Session& session, const Snapshot& now)
{
    const auto change = parse_policy_words(session.arguments.words, now.service.policies);
    if (!change) {
        return report(change.error());
    }
    constexpr std::size_t definition_max = 1024 * 1024;
    const auto& file = session.arguments.file;
    const auto xml = read_text_file(file == "-" ? "/dev/stdin" : file, definition_max);
    if (!xml) {
        return report({.code = Errc::invalid_argument, .message = xml.error().message});
    }
    const auto json = session.ask("waiting for virtpind", [&](ServiceProxy& service) {
        return service.plan_xml(*xml, change->policy, change->options);
    });
    if (!json) {
        return report(json.error());
    }
    const auto plan = read_plan(*json);
    if (!plan) {
        return report(plan.error());
    }
    const auto newcomer = std::find_if(plan->guests.begin(), plan->guests.end(),
                                       [](const PlannedGuest& guest) { return guest.is_newcomer; });
    if (newcomer == plan->guests.end()) {
        return report({.code = Errc::internal,
                       .message = "the plan does not have the guest of the definition"});
    }
    const auto uuid = newcomer->uuid;
    const auto status = is_satisfied(*plan, uuid) ? exit_ok : exit_not_as_asked;
    if (wants_json(session)) {
        return session.print_json(*json, status);
    }
    const auto layout = ask_layout(session);
    return session.print_paged(render_plan(now, *plan, uuid, {change_text(*change), ""},
                                           layout ? *layout : std::nullopt, session.look),
                               status);
}

} // namespace

ExitStatus run_plan(Session& session)
{
    const auto now = session.snapshot();
    if (!now) {
        return report(now.error());
    }
    if (!session.arguments.file.empty()) {
        return plan_file(session, *now);
    }
    const auto guests = session.chosen_guests(*now);
    if (!guests) {
        return report(guests.error());
    }
    const auto& guest = *guests->front();
    const auto change = wanted_change(session, *now, guest);
    if (!change) {
        return report(change.error());
    }
    const auto json = session.ask("waiting for virtpind to plan", [&](ServiceProxy& service) {
        return service.plan(guest.uuid, *change);
    });
    if (!json) {
        return report(json.error());
    }
    const auto plan = read_plan(*json);
    if (!plan) {
        return report(plan.error());
    }
    const auto status = is_satisfied(*plan, guest.uuid) ? exit_ok : exit_not_as_asked;
    if (wants_json(session)) {
        return session.print_json(*json, status);
    }
    const auto layout = ask_layout(session);
    const PlannedChange wanted{merged_text(guest, *change), typed_words(session.arguments)};
    return session.print_paged(
        render_plan(*now, *plan, guest.uuid, wanted, layout ? *layout : std::nullopt, session.look),
        status);
}

ExitStatus run_policies(Session& session)
{
    const auto snapshot = session.snapshot();
    if (!snapshot) {
        return report(snapshot.error());
    }
    if (wants_json(session)) {
        return session.print_json(policies_json(snapshot->service));
    }
    return session.print(render_policies(snapshot->service, session.look));
}

ExitStatus run_export(Session& session)
{
    const auto xml = session.ask("waiting for virtpind",
                                 [](ServiceProxy& service) { return service.export_topology(); });
    if (!xml) {
        return report(xml.error());
    }
    const auto& file = session.arguments.file;
    if (file.empty() || file == "-") {
        return session.print(*xml);
    }
    std::ofstream out{file};
    out << *xml;
    out.close();
    if (!out) {
        return report(
            {.code = Errc::apply_failed, .message = "cannot write " + path_in_quotes(file)});
    }
    return session.print(
        paragraph("", "  ", "lstopo -i " + shell_word(file) + " -p --no-factorize", session.look));
}

ExitStatus run_metrics(Session& session)
{
    const auto snapshot = session.snapshot();
    return snapshot ? session.print(render_metrics(*snapshot)) : report(snapshot.error());
}

} // namespace virtpind::client
