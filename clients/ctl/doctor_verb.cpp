// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/caller_checks.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/doctor_text.hpp"
#include "clients/view/facts_json.hpp"
#include "clients/view/guest_state.hpp"
#include "common/base/messages.hpp"
#include "policy_change.hpp"
#include "policy_words.hpp"
#include "program_output.hpp"
#include "verbs.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

// What the service sees, and no more.
Result<std::string> ask_service(Session& session, const std::string& uuid)
{
    auto json = session.ask("waiting for virtpind to look",
                            [&](ServiceProxy& service) { return service.doctor(uuid); });
    if (!json && json.error().code == Errc::unsupported) {
        return Error{.code = Errc::unsupported,
                     .message = json.error().message + "; without the service: virtpind doctor"};
    }
    return json;
}

// What runs `virtpind doctor` beside the service: here, or over ssh as the bus does, which asks for
// nothing more. Empty: nothing can.
std::vector<std::string> way_to_command(const Target& target)
{
    switch (target.kind) {
    case Target::Kind::system:
    case Target::Kind::session:
        return {"virtpind"};
    case Target::Kind::host:
        // With a port or a container, the name is busctl's alone.
        return target.name.find_first_of(":/") != std::string::npos
                   ? std::vector<std::string>{}
                   : std::vector<std::string>{"ssh", "-xT",       "-o",      "BatchMode=yes",
                                              "--",  target.name, "virtpind"};
    case Target::Kind::machine:
        break;
    }
    return {};
}

// The service is sandboxed: on its own host the command, which runs as the caller, completes its
// answer. Without one the answer says what was not measured.
std::string with_its_host(Session& session, const Service& service, const std::string& uuid,
                          std::string of_service)
{
    auto words = way_to_command(session.target);
    if (words.empty() || !is_plain_local_uri(service.libvirt_uri)) {
        return of_service;
    }
    for (const auto* word : {"doctor", "--json", "--fail-on", "never", "--uri"}) {
        words.emplace_back(word);
    }
    words.push_back(service.libvirt_uri);
    if (!uuid.empty()) {
        words.push_back(uuid);
    }
    const auto of_command = session.ask("looking at its host", [&](ServiceProxy& /*service*/) {
        return program_output(words, std::chrono::seconds{call_timeout_seconds});
    });
    if (!of_command) {
        return of_service;
    }
    auto whole = with_caller_checks(of_service, *of_command);
    return whole ? std::move(*whole) : of_service;
}

// nullopt: go on.
std::optional<ExitStatus> ask_first(const Session& session)
{
    if (session.arguments.yes) {
        return std::nullopt;
    }
    const auto answer = confirm("Do this?");
    if (!answer) {
        return report({.code = Errc::invalid_argument,
                       .message = "doctor --fix asks on a terminal, and this is none; add --yes"});
    }
    return *answer ? std::nullopt
                   : std::optional{
                         report({.code = Errc::apply_failed, .message = "nothing was changed"})};
}

// Whether it helped, by looking again.
std::string result_text(Session& session, const Finding& mended, const std::string& uuid)
{
    const auto& look = session.look;
    const auto json = ask_service(session, uuid);
    const auto now = json ? read_diagnosis(*json) : Result<Diagnosis>{json.error()};
    if (!now) {
        return paragraph("", "  ",
                         "whether " + mended.id + " is mended is not known: " + now.error().message,
                         look);
    }
    const auto still =
        std::any_of(now->findings.begin(), now->findings.end(), [&](const Finding& finding) {
            return finding.id == mended.id && finding.guest == mended.guest;
        });
    if (!still) {
        return paragraph(painted_mark(Mark::reason_good, look) + " ", "  ",
                         mended.id + " is mended", look);
    }
    return paragraph(
        painted_mark(mended.from_next_start ? Mark::busy : Mark::shortfall, look) + " ", "  ",
        mended.id + (mended.from_next_start ? " is mended from the guest's next start"
                                            : " is still found; see virtpinctl explain"),
        look);
}

ExitStatus mend(Session& session, const Snapshot& before, const Diagnosis& diagnosis)
{
    const auto found = find_to_mend(diagnosis, session.arguments.fix);
    if (!found) {
        return report(found.error());
    }
    const auto& finding = **found;
    const auto guest = std::find_if(before.guests.begin(), before.guests.end(),
                                    [&](const Guest& one) { return one.name == finding.guest; });
    if (guest == before.guests.end()) {
        return report({.code = Errc::not_found,
                       .message = "the guest " + in_quotes(finding.guest) + " has gone meanwhile"});
    }
    const auto change = parse_policy_words(finding.words, before.service.policies);
    if (!change) {
        return report(change.error());
    }
    const auto wants_json = session.arguments.json != JsonMode::off;
    if (!wants_json) {
        const auto shown = session.print(paragraph("", "  ", guest->name + ":", session.look) +
                                         render_finding(finding, session.look));
        if (shown != exit_ok) {
            return shown;
        }
    }
    if (const auto answered = ask_first(session)) {
        return *answered;
    }
    const auto outcome = change_policy(session, before, *guest, *change);
    if (!outcome) {
        return report(outcome.error());
    }
    if (wants_json) {
        return session.print_json(guests_json({outcome->guest}), outcome->status);
    }
    const auto undo = paragraph("  ", "  ", "undo: " + undo_command(*guest), session.look);
    return session.print(outcome->text + result_text(session, finding, guest->uuid) + undo,
                         outcome->status);
}

} // namespace

ExitStatus run_doctor(Session& session)
{
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& snapshot = asked->snapshot;
    const auto& guests = asked->guests;
    const auto uuid = session.arguments.guests.empty() ? "" : guests.front()->uuid;
    auto json = ask_service(session, uuid);
    if (!json) {
        return report(json.error());
    }
    const auto mends = !session.arguments.fix.empty(); // a guest, which the service sees
    const auto whole =
        mends ? *json : with_its_host(session, snapshot.service, uuid, std::move(*json));
    const auto diagnosis = read_diagnosis(whole);
    if (!diagnosis) {
        return report(diagnosis.error());
    }
    if (mends) {
        return mend(session, snapshot, *diagnosis);
    }
    const auto status = has_faults(*diagnosis) ? exit_not_as_asked : exit_ok;
    if (session.arguments.json != JsonMode::off) {
        return session.print_json(whole, status);
    }
    return session.print_paged(
        render_diagnosis(*diagnosis, session.arguments.verbose, session.look), status);
}

} // namespace virtpind::client
