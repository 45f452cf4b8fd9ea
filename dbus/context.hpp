// SPDX-License-Identifier: LGPL-2.1-or-later
// What the D-Bus objects share, and the way every call takes: read the arguments, ask the
// authorizer, then do it.
#pragma once

#include "common/control.hpp"
#include "dbus/authorizer.hpp"
#include "dbus/boundary.hpp"
#include "dbus/open_calls.hpp"
#include "dbus/options.hpp"
#include "dbus/turns.hpp"

#include <memory>
#include <string>
#include <utility>

namespace virtpind::bus {

// Lives as long as the Service; objects and pending checks refer to it.
struct Context {
    sdbus::IConnection& connection;
    ControlPort& port;
    Authorizer& authorizer;
    Turns& turns;
};

// Nobody reads it.
[[nodiscard]] inline Error caller_left()
{
    return {.code = Errc::permission_denied, .message = "the caller left the bus"};
}

// Lets `execute` run in turn, or the call fail if its caller leaves the bus before. Throws what
// guarded() passes on.
template <class T, class Execute>
void answer_in_turn(const Context& context, const std::string& caller, const Answer<T>& answer,
                    Execute execute)
{
    const auto run = std::make_shared<Execute>(std::move(execute)); // it may not be copyable
    unwrap(context.turns.add(caller,
                             {.give = [answer, run] { guarded(answer, *run); },
                              .drop = [answer] { answer.fail(to_bus_error(caller_left())); }}));
}

// A method that reads: `execute(answer)` runs in turn, with what it captured by value or what lives
// as long as the context; it must outlive the handler. Throws what guarded() passes on.
template <class T, class Execute>
void answer_open(const Context& context, const Call& call, const Answer<T>& answer, Execute execute)
{
    unwrap(check_open(call));
    answer_in_turn(context, call.sender, answer,
                   [answer, execute = std::move(execute)]() mutable { execute(answer); });
}

// A method that changes something: `execute(answer, caller)` runs, in turn as well, when the caller
// may, with arguments it captured by value; it must outlive the handler.
template <class T, class Execute>
void answer_change(const Context& context, const Call& call, const Authorizer::Details& details,
                   Answer<T> answer, Execute execute)
{
    context.authorizer.check(
        call, details,
        [&context, answer, execute = std::move(execute)](Result<Caller> who) mutable {
            guarded(answer, [&] {
                auto caller = unwrap(std::move(who));
                const auto name = caller.name;
                answer_in_turn(
                    context, name, answer,
                    [answer, execute = std::move(execute), caller = std::move(caller)]() mutable {
                        execute(answer, std::move(caller));
                    });
            });
        });
}

// What polkit is told about a domain: what it is called, not what the caller called it.
[[nodiscard]] Authorizer::Details details_of(const std::string& name, const DomainUuid& uuid);

// Everything but the domain, checked. Throws what guarded() passes on.
[[nodiscard]] SetPolicyRequest read_set_policy(std::string policy, const VariantMap& options,
                                               std::uint64_t flags);

} // namespace virtpind::bus
