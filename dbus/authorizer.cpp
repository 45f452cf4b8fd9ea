// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/authorizer.hpp"

#include "common/text.hpp"
#include "dbus/boundary.hpp"

#include <unistd.h>

#include <utility>

namespace virtpind::bus {

namespace {

Error denied(std::string message)
{
    return {.code = Errc::permission_denied, .message = std::move(message)};
}

std::string in_words(const Call& call, const Authorizer::Details& details)
{
    auto text = call.method;
    const char* separator = " (";
    for (const auto& [key, value] : details) {
        text += separator + key + " \"" + value + "\"";
        separator = ", ";
    }
    return details.empty() ? text : text + ")";
}

// polkit's handle of a question.
std::string cancellation_of(std::uint64_t number)
{
    return "virtpind-" + std::to_string(number);
}

} // namespace

Authorizer::Authorizer(sdbus::IConnection& connection, PolkitPatience patience)
    : polkit_{connection, patience}
{}

void Authorizer::check(const Call& call, const Details& details, Decision decide)
{
    const auto action = action_of(call);
    if (!action) {
        return decide(action.error());
    }
    begin(call, *action, details, std::move(decide));
}

void Authorizer::ask(const Call& call, const Details& details, std::function<void(bool)> answer)
{
    auto quiet = call;
    quiet.interaction = Interaction::forbidden;
    begin(quiet, set_policy_action, details,
          [answer = std::move(answer)](const Result<Caller>& who) { answer(who.ok()); });
}

// Whoever is our own user could ask libvirt itself.
void Authorizer::begin(const Call& call, std::string_view action, const Details& details,
                       Decision decide)
{
    if (call.user == 0 || call.user == geteuid()) {
        return decide(Caller{.name = call.sender, .uid = call.user});
    }
    if (questions_.take(call.user) == Questions::Taken::full) {
        return decide(questions_.exhausted("calls wait for authorization", call.user));
    }
    const auto number = ++last_;
    waiting_.emplace(number, Waiting{.call = call, .decide = std::move(decide)});
    ask_polkit(number, action, details);
}

void Authorizer::ask_polkit(Number number, std::string_view action, Details details)
{
    for (auto& [key, value] : details) {
        value = printable(value);
    }
    const auto& call = waiting_.at(number).call;
    const auto what =
        "user " + std::to_string(call.user) + " may not call " + in_words(call, details) + ": ";
    polkit_.ask({.action = std::string{action},
                 .sender = call.sender,
                 .details = std::move(details),
                 .interaction = call.interaction,
                 .cancellation = cancellation_of(number)},
                [this, number, what](Result<void> verdict) {
                    if (!verdict) {
                        verdict = denied(what + verdict.error().message);
                    }
                    settle(number, std::move(verdict));
                });
}

void Authorizer::settle(Number number, Result<void> verdict)
{
    const auto waiting = waiting_.extract(number);
    const auto& [call, decide] = waiting.mapped();
    questions_.give_back(call.user);
    if (!decide) {
        return;
    }
    if (verdict) {
        decide(Caller{.name = call.sender, .uid = call.user});
    } else {
        decide(std::move(verdict).error());
    }
}

void Authorizer::on_caller_vanished(const std::string& name)
{
    for (auto& [number, waiting] : waiting_) {
        if (waiting.call.sender == name && waiting.decide) {
            const auto decide = std::exchange(waiting.decide, nullptr);
            polkit_.cancel(cancellation_of(number));
            decide(denied("the caller left before it was known whether it may"));
        }
    }
}

} // namespace virtpind::bus
