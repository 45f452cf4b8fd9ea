// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides whether a caller may call a method that changes something: first by the table of
// access.hpp, then by polkit. Root and the service's own user are always allowed. It asks only
// asynchronously and never blocks the loop.
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
    using Decision = std::function<void(Result<Caller>)>; // the caller that may

    // Limits on questions to polkit at the same time, by user. Checks and mere questions are
    // counted separately, so that no dry run takes the place of a change.
    using PolkitChecks = Quota<uid_t, 8, 64>;
    using Asides = Quota<uid_t, 2, 8>;

    // The connection must outlive this.
    explicit Authorizer(sdbus::IConnection& connection, PolkitPatience patience = {});

    // Decides once, on the main thread, maybe before it returns; never if this is destroyed first.
    // Errors: permission_denied, limits_exceeded.
    void check(const Call& call, const Details& details, Decision decide);

    // Whether the caller may set policies, without a password dialogue. No answer from polkit, or a
    // full queue, counts as a no; otherwise like check(). Error: permission_denied, because the
    // caller left the bus.
    void ask(const Call& call, const Details& details, std::function<void(Result<bool>)> answer);

    // Refuses the caller's open checks and cancels their questions to polkit.
    void on_caller_vanished(const std::string& name);

private:
    // The answer of polkit; nullopt: the caller left before.
    using OnVerdict = std::function<void(const std::optional<Result<void>>&)>;

    enum class Kind { check, aside };

    // One question. It keeps its place in the quota until the answer arrives, even if the caller is
    // gone: only then is it off the bus.
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
