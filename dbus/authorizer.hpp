// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may call what. Default deny: a method that is not in the table here is refused to everyone.
// Asks the bus only asynchronously, so a check never blocks the loop.
#pragma once

#include "common/result.hpp"
#include "dbus/sdbus_compat.hpp"

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtpind::bus {

struct Call {
    std::string method; // with its interface: "org.virtpind1.Manager.SetPolicy"
    std::string sender; // unique bus name
};

// The call whose handler is running on `object`.
[[nodiscard]] Call current_call(const sdbus::IObject& object, std::string_view interface);

enum class Access {
    open,   // reads; for everyone whom the bus lets through
    change, // changes something: for root and our own user
};

struct MethodAccess {
    std::string_view method;
    Access access;
};

[[nodiscard]] const std::vector<MethodAccess>& access_table();

// For open methods, at once. Error: permission_denied.
[[nodiscard]] Result<void> check_open(const Call& call);

class Authorizer {
public:
    // What a call is about, in words: {"domain", "web1"}.
    using Details = std::vector<std::pair<std::string, std::string>>;
    using Decision = std::function<void(Result<void>)>;

    // Bounds of checks waiting for an answer.
    static constexpr std::size_t pending_max = 64;
    static constexpr std::size_t pending_per_sender_max = 8;

    // The connection must outlive this.
    explicit Authorizer(sdbus::IConnection& connection);

    // Decides once, on the main thread, maybe before it returns; never if this is destroyed first.
    // Errors: permission_denied, limits_exceeded.
    void check(const Call& call, const Details& details, Decision decide);

private:
    [[nodiscard]] Result<void> begin(const std::string& sender);
    void end(const std::string& sender);

    std::map<std::string, std::size_t> pending_; // by sender, never 0
    std::size_t pending_total_ = 0;
    std::unique_ptr<sdbus::IProxy> driver_; // last: it cancels what still waits for an answer
};

} // namespace virtpind::bus
