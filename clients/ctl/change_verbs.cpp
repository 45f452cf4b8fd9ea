// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/cells.hpp"
#include "clients/view/facts_json.hpp"
#include "clients/view/guest_state.hpp"
#include "common/base/messages.hpp"
#include "password_agent.hpp"
#include "policy_change.hpp"
#include "verbs.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

// Each in one piece, so that it can be copied.
std::string next_steps(const Guest& guest, const Look& look)
{
    if (!look.legend) {
        return "";
    }
    const auto explain = in_charset("→ virtpinctl explain " + guest_word(guest), look);
    if (own_policies(guest).empty()) {
        return "  " + explain + "\n";
    }
    const auto reset = in_charset("→ virtpinctl reset " + guest_word(guest), look);
    const auto on_one_line = "  " + explain + "   " + reset;
    const auto fits = look.width == 0 || cell_width(on_one_line) <= look.width;
    return fits ? on_one_line + "\n" : "  " + explain + "\n  " + reset + "\n";
}

} // namespace

ExitStatus run_set(Session& session)
{
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& before = asked->snapshot;
    const auto& guest = *asked->guests.front();
    const auto change = wanted_change(session, before, guest);
    if (!change) {
        return report(change.error());
    }
    const auto outcome = change_policy(session, before, guest, *change);
    if (!outcome) {
        return report(outcome.error());
    }
    if (session.arguments.json != JsonMode::off) {
        return session.print_json(guests_json({outcome->guest}), outcome->status);
    }
    return session.print(outcome->text + next_steps(outcome->guest, session.look), outcome->status);
}

namespace {

// Whether there is something to take back of a guest itself.
bool has_own(const Session& session, const Guest& guest)
{
    return session.arguments.runtime_only ? own_policy(guest, "bus").has_value()
                                          : !own_policies(guest).empty();
}

// What a reset has come to.
std::string reset_text(const Session& session, const Guest& before, const Guest& now)
{
    const std::string none = "nothing of its own to take back; ";
    const std::string of_policy =
        now.policy_source == "config" ? "its policy is from the configuration: " : "policy ";
    return paragraph(painted_mark(state_of(now).mark, session.look) + " ", "  ",
                     now.name + ": " + (has_own(session, before) ? "" : none) + of_policy +
                         policy_text(now) + "; " + place_text(now),
                     session.look);
}

// Those that --all means.
std::vector<const Guest*> guests_to_reset(const Session& session,
                                          const std::vector<const Guest*>& chosen)
{
    if (!session.arguments.all) {
        return chosen;
    }
    std::vector<const Guest*> own;
    std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(own),
                 [&](const Guest* guest) { return has_own(session, *guest); });
    return own;
}

// What they are now; those that have gone are left out.
std::vector<Guest> same_guests(const Snapshot& now, const std::vector<const Guest*>& guests)
{
    std::vector<Guest> found;
    for (const auto* guest : guests) {
        if (const auto* same = same_guest(now, guest->uuid)) {
            found.push_back(*same);
        }
    }
    return found;
}

// Asks before everything is taken back. nullopt: go on.
std::optional<ExitStatus> ask_for_all(const Session& session, std::size_t count)
{
    if (!session.arguments.all || session.arguments.yes) {
        return std::nullopt;
    }
    const auto answer =
        confirm("Take policies and pins back of " + pluralize(count, "guest") + "?");
    if (!answer) {
        return report({.code = Errc::invalid_argument,
                       .message = "reset --all asks on a terminal, and this is none; add --yes"});
    }
    return *answer ? std::nullopt
                   : std::optional{
                         report({.code = Errc::apply_failed, .message = "nothing was changed"})};
}

// The worst of what was met stays.
void note(ExitStatus& status, ExitStatus met)
{
    status = status == exit_ok || met == exit_failed ? met : status;
}

} // namespace

ExitStatus run_reset(Session& session)
{
    const auto asked = session.choose_with_libvirt();
    if (!asked) {
        return report(asked.error());
    }
    const auto& chosen = asked->guests;
    const auto guests = guests_to_reset(session, chosen);
    const auto wants_json = session.arguments.json != JsonMode::off;
    if (guests.empty()) {
        return wants_json
                   ? session.print_json(guests_json({}))
                   : session.print(paragraph("", "", "No guest has a policy or options of its own.",
                                             session.look));
    }
    if (const auto answered = ask_for_all(session, guests.size())) {
        return *answered;
    }
    const PasswordAgent agent{wants_agent(session)};
    auto status = exit_ok;
    for (const auto* guest : guests) {
        const auto done =
            session.ask("waiting for virtpind to reset " + guest->name, [&](ServiceProxy& service) {
                return service.reset(guest->uuid, session.arguments.runtime_only);
            });
        if (!done) {
            remark(guest->name + ":");
            note(status, report(done.error()));
        }
    }
    const auto after = session.snapshot();
    if (!after) {
        return report(after.error());
    }
    if (wants_json) {
        return session.print_json(guests_json(same_guests(*after, guests)), status);
    }
    std::string text;
    for (const auto* guest : guests) {
        if (const auto* now = same_guest(*after, guest->uuid)) {
            text += reset_text(session, *guest, *now);
        }
    }
    return session.print(text, status);
}

ExitStatus run_apply(Session& session)
{
    const auto asked = session.choose_with_libvirt();
    if (!asked) {
        return report(asked.error());
    }
    const auto& guests = asked->guests;
    const PasswordAgent agent{wants_agent(session)};
    auto status = exit_ok;
    const auto all = session.arguments.guests.empty();
    std::vector<std::string> uuids{""};
    if (!all) {
        uuids.clear();
        std::transform(guests.begin(), guests.end(), std::back_inserter(uuids),
                       [](const Guest* guest) { return guest->uuid; });
    }
    for (const auto& uuid : uuids) {
        const auto done = session.ask("waiting for virtpind to pin",
                                      [&](ServiceProxy& service) { return service.reapply(uuid); });
        if (!done) {
            note(status, report(done.error()));
        }
    }
    const auto after = session.snapshot();
    if (!after) {
        return report(after.error());
    }
    std::string text;
    for (const auto* guest : guests) {
        const auto* now = same_guest(*after, guest->uuid);
        if (now == nullptr || (all && is_as_asked(*now))) {
            continue;
        }
        const auto why = is_as_asked(*now) ? "" : "; " + why_not(*now);
        text += paragraph(painted_mark(state_of(*now).mark, session.look) + " ", "  ",
                          now->name + ": " + place_text(*now) + why, session.look);
        if (!is_as_asked(*now)) {
            note(status, exit_not_as_asked);
        }
    }
    if (session.arguments.json != JsonMode::off) {
        return session.print_json(guests_json(same_guests(*after, guests)), status);
    }
    text = text.empty() ? paragraph("", "", "All guests are as asked.", session.look) : text;
    return session.print(text, status);
}

ExitStatus run_reload(Session& session)
{
    const PasswordAgent agent{wants_agent(session)};
    const auto done =
        session.ask("waiting for virtpind", [](ServiceProxy& service) { return service.reload(); });
    if (!done) {
        return report(done.error());
    }
    return session.print(
        paragraph("", "", "The configuration is in force; guests follow.", session.look));
}

} // namespace virtpind::client
