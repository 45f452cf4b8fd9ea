// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_change.hpp"

#include "clients/view/answers.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/explain_text.hpp"
#include "clients/view/guest_state.hpp"
#include "clients/view/transitions.hpp"
#include "common/base/messages.hpp"
#include "password_agent.hpp"
#include "policy_words.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

// Whether a call did what it was asked for, although not all of it.
bool is_done_partly(const Error& error)
{
    return error.code == Errc::partially_applied || error.code == Errc::not_persisted;
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
        text += paragraph("  ", "  ", state_sentence(guest), look);
        text += advice(session, guest);
    }
    for (const auto& moved : moved_guests(before, after, guest.uuid)) {
        text += paragraph(painted_mark(moved.mark, look) + " ", "  ", moved.text, look);
    }
    return text;
}

} // namespace

bool wants_agent(const Session& session)
{
    return session.arguments.ask_password && session.target.kind == Target::Kind::system;
}

Result<PolicyChange> wanted_change(const Session& session, const Snapshot& now, const Guest& guest)
{
    const auto& arguments = session.arguments;
    auto change = parse_policy_words(arguments.words, now.service.policies);
    if (!change) {
        return change;
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
    return completed(guest, std::move(*change));
}

const Guest* same_guest(const Snapshot& snapshot, const std::string& uuid)
{
    const auto at = std::find_if(snapshot.guests.begin(), snapshot.guests.end(),
                                 [&](const Guest& guest) { return guest.uuid == uuid; });
    return at != snapshot.guests.end() ? &*at : nullptr;
}

Result<ChangeOutcome> change_policy(Session& session, const Snapshot& before, const Guest& guest,
                                    const PolicyChange& change)
{
    const PasswordAgent agent{wants_agent(session)};
    const auto done =
        session.ask("waiting for virtpind to pin " + guest.name,
                    [&](ServiceProxy& service) { return service.set(guest.uuid, change); });
    if (!done && !is_done_partly(done.error())) {
        return done.error();
    }
    const auto after = session.snapshot();
    if (!after) {
        return after.error();
    }
    const auto* now = same_guest(*after, guest.uuid);
    if (now == nullptr) {
        return Error{.code = Errc::not_found,
                     .message = "the guest " + in_quotes(guest.name) + " has gone meanwhile"};
    }
    if (!done) {
        remark(done.error().message);
    }
    return ChangeOutcome{.status = done && is_as_asked(*now) ? exit_ok : exit_not_as_asked,
                         .text = outcome_text(session, *now, before, *after,
                                              keeps_options(guest, change, *now)
                                                  ? "   (options kept; --clear drops them)"
                                                  : ""),
                         .guest = *now};
}

} // namespace virtpind::client
