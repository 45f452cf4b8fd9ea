// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether the caller of a method that changes something may: first the table of access.hpp, then
// who it is by the bus, then polkit. Root, and the user we run as, need nobody's leave. Asks only
// asynchronously, so a check never blocks the loop.
#pragma once

#include "common/control.hpp"
#include "common/quota.hpp"
#include "common/result.hpp"
#include "dbus/access.hpp"
#include "dbus/polkit.hpp"
#include "dbus/sdbus_compat.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace virtpind::bus {

class Authorizer {
public:
    // What a call is about, for polkit's dialogue and rules: {"domain", "web1"}.
    using Details = std::map<std::string, std::string>;
    using Decision = std::function<void(Result<Caller>)>; // who may

    // What may wait at the same time: for the bus to say who a sender is (it knows by heart; as
    // many as it lets one wait for), and for polkit.
    using Lookups = Quota<std::string, 128, 1024>; // by sender
    using Questions = Quota<uid_t, 8, 64>;

    // The connection must outlive this.
    explicit Authorizer(sdbus::IConnection& connection, PolkitPatience patience = {});

    // Decides once, on the main thread, maybe before it returns; never if this is destroyed first.
    // Errors: permission_denied, limits_exceeded.
    void check(const Call& call, const Details& details, Decision decide);

    // What the caller still waits for is refused, and polkit need not ask any more.
    void on_caller_vanished(const std::string& name);

private:
    // One check. It keeps its place in the quota until the answer is there, also when nobody waits
    // for it any more: only then is it off the bus.
    struct Waiting {
        Call call;
        std::string action;
        Details details;
        Decision decide;            // empty: decided
        std::string cancellation{}; // polkit's handle; empty: not asked yet
    };

    using Number = std::uint64_t;

    void look_up_user(Number number, const std::string& sender);
    void on_user(Number number, CallError error, uid_t uid);
    void ask_polkit(Number number, uid_t uid);
    void settle(Number number, uid_t uid, Result<void> decision);

    Lookups lookups_;
    // Who has called before: a unique name is one user's for as long as the bus lives. So whoever
    // floods is bounded by what one user may ask, and does not use up the lookups of all.
    std::map<std::string, uid_t> users_;
    static constexpr std::size_t users_max = 4096;
    Questions questions_;
    Number last_ = 0;
    std::map<Number, Waiting> waiting_;
    // Last: they cancel what still waits for an answer.
    std::unique_ptr<sdbus::IProxy> driver_;
    Polkit polkit_;
};

} // namespace virtpind::bus
