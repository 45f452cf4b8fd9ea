// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/authorizer.hpp"

#include "common/text.hpp"
#include "dbus/boundary.hpp"
#include "dbus/names.hpp"

#include <unistd.h>

#include <chrono>
#include <utility>

namespace virtpind::bus {

namespace {

// The bus answers from its own memory; this only bounds the wait for a broken one.
constexpr std::chrono::seconds uid_timeout{10};

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

} // namespace

Authorizer::Authorizer(sdbus::IConnection& connection, PolkitPatience patience)
    : driver_{sdbus::createProxy(connection, ServiceName{driver_name},
                                 sdbus::ObjectPath{driver_path})}
    , polkit_{connection, patience}
{}

void Authorizer::check(const Call& call, const Details& details, Decision decide)
{
    const auto action = action_of(call);
    if (!action) {
        return decide(action.error());
    }
    const auto known = users_.find(call.sender);
    if (known == users_.end() && lookups_.take(call.sender) == Lookups::Taken::full) {
        return decide(lookups_.exhausted("calls wait for authorization", call.sender));
    }
    const auto number = ++last_;
    auto& waiting = waiting_[number];
    waiting = {.call = call,
               .action = std::string{*action},
               .details = details,
               .decide = std::move(decide)};
    for (auto& [key, value] : waiting.details) {
        value = printable(value);
    }
    if (known != users_.end()) {
        return on_user(number, {}, known->second);
    }
    look_up_user(number, call.sender);
}

void Authorizer::look_up_user(Number number, const std::string& sender)
{
    auto on_uid = [this, number, sender](CallError error, std::uint32_t uid) {
        contained([&] {
            lookups_.give_back(sender);
            if (!error && users_.size() < users_max) {
                users_.emplace(sender, uid);
            }
            on_user(number, error, uid);
        });
    };
    driver_->callMethodAsync("GetConnectionUnixUser")
        .onInterface(driver_name)
        .withTimeout(uid_timeout)
        .withArguments(sender)
        .uponReplyInvoke(std::move(on_uid));
}

// Whoever is our own user could ask libvirt itself.
void Authorizer::on_user(Number number, CallError error, uid_t uid)
{
    if (error) {
        return settle(number, uid,
                      denied("the bus does not say who you are: " + error->getMessage()));
    }
    const auto decided = !waiting_.at(number).decide;
    if (decided || uid == 0 || uid == geteuid()) {
        return settle(number, uid, {});
    }
    if (questions_.take(uid) == Questions::Taken::full) {
        return settle(number, uid, questions_.exhausted("calls wait for authorization", uid));
    }
    ask_polkit(number, uid);
}

void Authorizer::ask_polkit(Number number, uid_t uid)
{
    auto& waiting = waiting_.at(number);
    waiting.cancellation = "virtpind-" + std::to_string(number);
    const auto what = "user " + std::to_string(uid) + " may not call " +
                      in_words(waiting.call, waiting.details) + ": ";
    polkit_.ask({.action = waiting.action,
                 .sender = waiting.call.sender,
                 .details = waiting.details,
                 .interaction = waiting.call.interaction,
                 .cancellation = waiting.cancellation},
                [this, number, uid, what](Result<void> verdict) {
                    questions_.give_back(uid);
                    if (!verdict) {
                        verdict = denied(what + verdict.error().message);
                    }
                    settle(number, uid, std::move(verdict));
                });
}

void Authorizer::settle(Number number, uid_t uid, Result<void> decision)
{
    const auto waiting = waiting_.extract(number);
    const auto& [call, action, details, decide, cancellation] = waiting.mapped();
    if (!decide) {
        return;
    }
    if (decision) {
        decide(Caller{.name = call.sender, .uid = uid});
    } else {
        decide(std::move(decision).error());
    }
}

void Authorizer::on_caller_vanished(const std::string& name)
{
    users_.erase(name);
    for (auto& [number, waiting] : waiting_) {
        if (waiting.call.sender == name && waiting.decide) {
            const auto decide = std::exchange(waiting.decide, nullptr);
            if (!waiting.cancellation.empty()) {
                polkit_.cancel(waiting.cancellation);
            }
            decide(denied("the caller left before it was known whether it may"));
        }
    }
}

} // namespace virtpind::bus
