// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether the caller of a method that changes something may: first the table of access.hpp, then
// polkit. Root, and the user we run as, need nobody's leave. Asks only asynchronously, so a check
// never blocks the loop.
#pragma once

#include "common/base/quota.hpp"
#include "common/base/result.hpp"
#include "common/model/control_port.hpp"
#include "dbus/access.hpp"
#include "dbus/polkit.hpp"
#include "dbus/sdbus_compat.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind::bus {

class Authorizer {
public:
    // What a call is about, for polkit's dialogue and rules: {"domain", "web1"}.
    using Details = std::map<std::string, std::string>;
    using Decision = std::function<void(Result<Caller>)>; // who may

    // What may wait for polkit at the same time, by user: checks; and what is only asked, so that
    // no dry run takes the place of a change.
    using PolkitChecks = Quota<uid_t, 8, 64>;
    using Asides = Quota<uid_t, 2, 8>;

    // The connection must outlive this.
    explicit Authorizer(sdbus::IConnection& connection, PolkitPatience patience = {});

    // Decides once, on the main thread, maybe before it returns; never if this is destroyed first.
    // Errors: permission_denied, limits_exceeded.
    void check(const Call& call, const Details& details, Decision decide);

    // Whether the caller might call what is for those who may set policies; nobody is asked for a
    // password, and no answer, from polkit or for want of room, is a no. As check() otherwise.
    // Error: permission_denied: the caller left, and wants nothing any more.
    void ask(const Call& call, const Details& details, std::function<void(Result<bool>)> answer);

    // What the caller still waits for is refused, and polkit need not ask any more.
    void on_caller_vanished(const std::string& name);

private:
    // What polkit said; nullopt: the caller left before.
    using OnVerdict = std::function<void(const std::optional<Result<void>>&)>;

    enum class Kind { check, aside };

    // One question. It keeps its place in the quota until the answer is there, also when nobody
    // waits for it any more: only then is it off the bus.
    struct Waiting {
        Call call;
        Kind kind{};
        OnVerdict on_verdict; // empty: the check is finished
    };

    using Number = std::uint64_t;

    void begin(Kind kind, const Call& call, std::string_view action, const Details& details,
               OnVerdict on_verdict);
    [[nodiscard]] Result<void> take_place(Kind kind, uid_t user);
    void give_place_back(Kind kind, uid_t user);
    void ask_polkit(Number number, std::string_view action, Details details);
    void finish_check(Number number, const Result<void>& verdict);

    PolkitChecks checks_;
    Asides asides_;
    Number last_ = 0;
    std::map<Number, Waiting> waiting_;
    Polkit polkit_; // last: its end cancels what still waits for an answer
};

} // namespace virtpind::bus
