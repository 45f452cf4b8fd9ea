// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_change.hpp"

#include "clients/view/answers.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/explain_text.hpp"
#include "clients/view/guest_state.hpp"
#include "clients/view/transitions.hpp"
#include "common/base/messages.hpp"
#include "password_agent.hpp"

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
    return ChangeOutcome{
        .status = done && is_as_asked(*now) ? exit_ok : exit_not_as_asked,
        .text = outcome_text(session, *now, before, *after, kept_remark(guest, change, *now)),
        .guest = *now};
}

std::string undo_command(const Guest& before)
{
    const auto name = guest_word(before);
    if (!has_own_policy(before)) {
        return "virtpinctl reset " + name;
    }
    std::string words;
    for (const auto& [option, value] : before.options) {
        words += " " + shell_word(option + "=" + value);
    }
    return "virtpinctl set " + name + " " + before.policy + words + " --clear" +
           (before.policy_source == "bus" ? " --runtime" : "");
}

} // namespace virtpind::client
