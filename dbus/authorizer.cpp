// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/authorizer.hpp"

#include "common/base/printable.hpp"
#include "dbus/boundary.hpp"

#include <unistd.h>

#include <type_traits>
#include <utility>

namespace virtpind::bus {

namespace {

Error denied(std::string message)
{
    return {.code = Errc::permission_denied, .message = std::move(message)};
}

Error left()
{
    return denied("the caller left the bus before polkit answered");
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
    begin(Kind::check, call, *action, details,
          [call, decide = std::move(decide)](const auto& verdict) {
              if (!verdict) {
                  decide(left());
              } else if (!*verdict) {
                  decide(verdict->error());
              } else {
                  decide(Caller{.name = call.sender, .uid = call.user});
              }
          });
}

void Authorizer::ask(const Call& call, const Details& details,
                     std::function<void(Result<bool>)> answer)
{
    auto quiet = call;
    quiet.interaction = Interaction::forbidden;
    begin(Kind::aside, quiet, set_policy_action, details,
          [answer = std::move(answer)](const auto& verdict) {
              answer(verdict ? Result<bool>{verdict->ok()} : left());
          });
}

// Whoever is our own user could ask libvirt itself.
void Authorizer::begin(Kind kind, const Call& call, std::string_view action, const Details& details,
                       OnVerdict on_verdict)
{
    if (call.user == 0 || call.user == geteuid()) {
        return on_verdict(Result<void>{});
    }
    if (auto place = take_place(kind, call.user); !place) {
        return on_verdict(std::move(place));
    }
    const auto number = ++last_;
    waiting_.emplace(number,
                     Waiting{.call = call, .kind = kind, .on_verdict = std::move(on_verdict)});
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
                    finish_check(number, verdict);
                });
}

void Authorizer::finish_check(Number number, const Result<void>& verdict)
{
    const auto waiting = waiting_.extract(number);
    const auto& [call, kind, on_verdict] = waiting.mapped();
    give_place_back(kind, call.user);
    if (on_verdict) {
        on_verdict(verdict);
    }
}

Result<void> Authorizer::take_place(Kind kind, uid_t user)
{
    const auto take = [user](auto& quota) -> Result<void> {
        using Taken = typename std::remove_reference_t<decltype(quota)>::Taken;
        return quota.take(user) == Taken::full
                   ? quota.exhausted("calls wait for authorization", user)
                   : Result<void>{};
    };
    return kind == Kind::check ? take(checks_) : take(asides_);
}

void Authorizer::give_place_back(Kind kind, uid_t user)
{
    kind == Kind::check ? checks_.give_back(user) : asides_.give_back(user);
}

void Authorizer::on_caller_vanished(const std::string& name)
{
    for (auto& [number, waiting] : waiting_) {
        if (waiting.call.sender == name && waiting.on_verdict) {
            const auto on_verdict = std::exchange(waiting.on_verdict, nullptr);
            polkit_.cancel(cancellation_of(number));
            on_verdict(std::nullopt);
        }
    }
}

} // namespace virtpind::bus
