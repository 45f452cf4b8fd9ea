// SPDX-License-Identifier: LGPL-2.1-or-later
// State that the D-Bus objects share, and the steps of every call once its turn has come: read the
// arguments, ask the authorizer, execute.
#pragma once

#include "common/model/control_port.hpp"
#include "dbus/authorizer.hpp"
#include "dbus/boundary.hpp"
#include "dbus/door.hpp"
#include "dbus/options.hpp"
#include "dbus/pending_calls.hpp"

#include <set>
#include <string>
#include <utility>

namespace virtpind::bus {

// Lives as long as the Service; objects and pending checks refer to it.
struct Context {
    sdbus::IConnection& connection;
    ControlPort& port;
    Authorizer& authorizer;
    Door& door;
    std::set<std::string>& owners; // callers that may have something that ends with them
};

// A method that reads. Throws only exceptions that guarded() passes on.
template <class T, class Execute>
void reply_to_pending(const Call& call, const PendingReply<T>& answer, Execute execute)
{
    unwrap(check_open(call));
    execute(answer);
}

// A method that changes something: `execute(answer, caller)` runs when the caller may, with
// arguments it captured by value; it must outlive the handler.
template <class T, class Execute>
void answer_change(const Context& context, const Call& call, const Authorizer::Details& details,
                   PendingReply<T> answer, Execute execute)
{
    context.authorizer.check(call, details,
                             [answer, execute = std::move(execute)](Result<Caller> who) mutable {
                                 guarded(answer, [&] { execute(answer, unwrap(std::move(who))); });
                             });
}

// The details for polkit: the domain's own name and UUID, not the caller's argument.
[[nodiscard]] Authorizer::Details details_of(const std::string& name, const DomainUuid& uuid);

// The caller.
[[nodiscard]] inline Caller caller_of(const Call& call)
{
    return {.name = call.sender, .uid = call.user};
}

// All checked arguments except the domain. Throws only exceptions that guarded() passes on.
[[nodiscard]] SetPolicyRequest read_set_policy(std::string policy, const VariantMap& options,
                                               std::uint64_t flags);
// The same of a line of text, "dedicated smt=require", which changes what is stored.
[[nodiscard]] SetPolicyRequest read_set(const std::string& text);

// Lets `request` happen if the caller may; `details` are those of its domain.
void answer_set_policy(const Context& context, const Call& call, Authorizer::Details details,
                       const PendingReply<std::uint64_t>& answer, SetPolicyRequest request);

} // namespace virtpind::bus
