// SPDX-License-Identifier: LGPL-2.1-or-later
// The service as a client calls it. Calls block the calling thread until the reply, for at most
// call_timeout_seconds. Errors have the code of the service's error; beside those: host_unavailable
// (no service, no bus, a dead host), unsupported (a service that is too old), timed_out.
#pragma once

#include "clients/view/facts.hpp"
#include "common/base/result.hpp"
#include "common/model/policy_options.hpp"
#include "connection.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace virtpind::client {

// What `set` asks for.
struct PolicyChange {
    std::string policy; // empty: the one that is stored
    OptionMap options;  // the empty string takes an option away
    bool clear = false; // options that are not named go
    bool runtime_only = false;
    bool defer = false; // from the guest's next start
};

// Whether a call may have the bus start a service that is not there. One that somebody has stopped
// stays stopped where nobody asks for it now: a program that stays, a completion.
enum class Activation { allowed, never };

class ServiceProxy {
public:
    // The connection outlives the proxy.
    ServiceProxy(const Connection& connection, Target target);
    ~ServiceProxy();
    ServiceProxy(const ServiceProxy&) = delete;
    ServiceProxy& operator=(const ServiceProxy&) = delete;

    // The service and all guests.
    [[nodiscard]] Result<Snapshot> snapshot(Activation activation = Activation::allowed);
    [[nodiscard]] Result<void> set(const std::string& uuid, const PolicyChange& change);
    [[nodiscard]] Result<void> reset(const std::string& uuid, bool runtime_only);
    // "": all guests.
    [[nodiscard]] Result<void> reapply(const std::string& uuid);
    [[nodiscard]] Result<void> reload();
    // Returns the cookie; the hold ends with it or with the connection.
    [[nodiscard]] Result<std::uint64_t> hold(const std::string& uuid, const std::string& reason);
    // Never starts a service: one that has just begun has no holds.
    [[nodiscard]] Result<void> release(std::uint64_t cookie);
    // These are JSON, as the service writes it, not yet printable.
    [[nodiscard]] Result<std::string> explain(const std::string& uuid);
    // What set() would do.
    [[nodiscard]] Result<std::string> plan(const std::string& uuid, const PolicyChange& change);
    [[nodiscard]] Result<std::string> plan_xml(const std::string& xml, const std::string& policy,
                                               const OptionMap& options);
    [[nodiscard]] Result<std::string> describe();
    // "": all guests.
    [[nodiscard]] Result<std::string> doctor(const std::string& uuid);
    // hwloc XML.
    [[nodiscard]] Result<std::string> export_topology();

    // From now on, signals of the service and its coming and going call `changed`, within
    // wait_and_dispatch(). Once only.
    [[nodiscard]] Result<void> watch(std::function<void()> changed);

private:
    class Remote;
    std::unique_ptr<Remote> remote_;
};

} // namespace virtpind::client
