// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/answers.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/explain_text.hpp"
#include "clients/view/guest_state.hpp"
#include "clients/view/transitions.hpp"
#include "common/base/messages.hpp"
#include "password_agent.hpp"
#include "policy_words.hpp"
#include "verbs.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

// pkttyagent speaks with this host's polkit only.
bool wants_agent(const Session& session)
{
    return session.arguments.ask_password && session.target.kind == Target::Kind::system;
}

const Guest* same_guest(const Snapshot& snapshot, const std::string& uuid)
{
    const auto at = std::find_if(snapshot.guests.begin(), snapshot.guests.end(),
                                 [&](const Guest& guest) { return guest.uuid == uuid; });
    return at != snapshot.guests.end() ? &*at : nullptr;
}

// Whether a call did what it was asked for, although not all of it.
bool is_done_partly(const Error& error)
{
    return error.code == Errc::partially_applied || error.code == Errc::not_persisted;
}

std::string state_sentence(const Guest& guest)
{
    const auto word = state_of(guest).word;
    return (word == "floats" ? "" : "is ") + place_text(guest) + ".";
}

// How it could be had, by Explain.
std::string advice(Session& session, const Guest& guest)
{
    const auto json = session.ask(
        "waiting for virtpind", [&](ServiceProxy& service) { return service.explain(guest.uuid); });
    const auto explanation = json ? read_explanation(*json) : Result<Explanation>{json.error()};
    const auto text = explanation ? advice_of(explanation->reasons) : ""; // the rest is told
    return text.empty() ? "" : paragraph("  ", "  ", text, session.look);
}

// What has become of a guest that was changed, and of others.
std::string outcome_text(Session& session, const Guest& guest, const Snapshot& before,
                         const Snapshot& after, const std::string& remark_of_change)
{
    const auto& look = session.look;
    auto text =
        paragraph("", "  ", guest.name + ": " + policy_text(guest) + remark_of_change, look);
    if (is_as_asked(guest)) {
        text += paragraph(painted_mark(state_of(guest).mark, look) + " ", "  ", place_text(guest),
                          look);
    } else {
        const auto why = why_not(guest);
        text +=
            paragraph(painted_mark(Mark::shortfall, look) + " ", "  ",
                      "not as asked: " + (why.empty() ? "it does not get all of this" : why), look);
        text += paragraph("  ", "  ", "It " + state_sentence(guest), look);
        text += advice(session, guest);
    }
    for (const auto& moved : moved_guests(before, after, guest.uuid)) {
        text += paragraph(painted_mark(moved.mark, look) + " ", "  ", moved.text, look);
    }
    if (look.legend) {
        const auto name = shell_word(guest.name);
        text += paragraph("  ", "  ",
                          "→ virtpinctl explain " + name + "   → virtpinctl reset " + name, look);
    }
    return text;
}

Result<PolicyChange> wanted_change(const Session& session, const Snapshot& now, const Guest& guest)
{
    const auto& arguments = session.arguments;
    auto change = parse_policy_words(arguments.words, now.service.policies);
    if (!change) {
        return std::move(change).error();
    }
    change->clear = arguments.clear;
    change->runtime_only = arguments.runtime_only;
    change->defer = arguments.defer;
    if (now.service.interface_version < 2 && !change->clear) {
        return Error{
            .code = Errc::unsupported,
            .message =
                "the service " + now.service.version +
                " is older than this virtpinctl and cannot keep the options that are not named: "
                "name "
                "all of them and add --clear, or after an upgrade: systemctl restart virtpind"};
    }
    if (change->clear && change->policy.empty()) {
        change->policy = guest.policy;
    }
    return change;
}

// Not every option that is kept is worth a word: none may be there.
std::string kept_remark(const Guest& before, const PolicyChange& change, const Guest& after)
{
    const auto kept =
        std::any_of(before.options.begin(), before.options.end(), [&](const auto& option) {
            return change.options.count(option.first) == 0 && after.options.count(option.first) > 0;
        });
    return kept ? "   (options kept; --clear drops them)" : "";
}

} // namespace

ExitStatus run_set(Session& session)
{
    const auto before = session.snapshot();
    if (!before) {
        return report(before.error());
    }
    const auto guests = session.chosen_guests(*before);
    if (!guests) {
        return report(guests.error());
    }
    const auto& guest = *guests->front();
    const auto change = wanted_change(session, *before, guest);
    if (!change) {
        return report(change.error());
    }
    const PasswordAgent agent{wants_agent(session)};
    const auto done =
        session.ask("waiting for virtpind to pin " + guest.name,
                    [&](ServiceProxy& service) { return service.set(guest.uuid, *change); });
    if (!done && !is_done_partly(done.error())) {
        return report(done.error());
    }
    const auto after = session.snapshot();
    if (!after) {
        return report(after.error());
    }
    const auto* now = same_guest(*after, guest.uuid);
    if (now == nullptr) {
        return report({.code = Errc::not_found,
                       .message = "the guest " + in_quotes(guest.name) + " has gone meanwhile"});
    }
    if (!done) {
        remark(done.error().message);
    }
    const auto status = done && is_as_asked(*now) ? exit_ok : exit_not_as_asked;
    return session.print(
        outcome_text(session, *now, *before, *after, kept_remark(guest, *change, *now)), status);
}

namespace {

// Those that --all means: whose policy is their own.
std::vector<const Guest*> guests_to_reset(const Session& session,
                                          const std::vector<const Guest*>& chosen)
{
    if (!session.arguments.all) {
        return chosen;
    }
    std::vector<const Guest*> own;
    std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(own), [](const Guest* guest) {
        return guest->policy_source == "metadata" || guest->policy_source == "bus";
    });
    return own;
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
    const auto before = session.snapshot();
    if (!before) {
        return report(before.error());
    }
    const auto chosen = session.chosen_guests(*before);
    if (!chosen) {
        return report(chosen.error());
    }
    const auto guests = guests_to_reset(session, *chosen);
    if (guests.empty()) {
        return session.print(paragraph("", "", "No guest has a policy of its own.", session.look));
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
    std::string text;
    for (const auto* guest : guests) {
        if (const auto* now = same_guest(*after, guest->uuid)) {
            text += paragraph(painted_mark(state_of(*now).mark, session.look) + " ", "  ",
                              now->name + ": policy " + policy_text(*now) + "; " + place_text(*now),
                              session.look);
        }
    }
    return session.print(text, status);
}

ExitStatus run_apply(Session& session)
{
    auto before = session.snapshot();
    if (!before) {
        return report(before.error());
    }
    const auto guests = session.chosen_guests(*before);
    if (!guests) {
        return report(guests.error());
    }
    const PasswordAgent agent{wants_agent(session)};
    auto status = exit_ok;
    const auto all = session.arguments.guests.empty();
    std::vector<std::string> uuids{""};
    if (!all) {
        uuids.clear();
        std::transform(guests->begin(), guests->end(), std::back_inserter(uuids),
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
    for (const auto* guest : *guests) {
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
