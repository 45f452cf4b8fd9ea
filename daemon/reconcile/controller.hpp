// SPDX-License-Identifier: LGPL-2.1-or-later
// What D-Bus may ask, carried out: checks the request, stores the policy, and lets the reconciler
// make it true. Main thread only; nothing here blocks.
#pragma once

#include "common/base/quota.hpp"
#include "common/model/control_port.hpp"
#include "daemon/service/log_events.hpp"
#include "dry_run_queue.hpp"
#include "reconciler.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace virtpind {

// Calls of ExportTopology that are served at the same time, by user.
using Exports = Quota<uid_t, 2, 8>;
// Root and the service's own user have theirs beside those of all.
inline constexpr std::size_t exports_max = Exports::total_max + 2 * Exports::each_max;

// What callers may ask that is the daemon's own to do.
struct DaemonTasks {
    // hwloc XML of the present host with the plan drawn into it; replies later, from a thread that
    // may wait for the host. Takes exports_max at a time.
    std::function<void(const Plan& plan, Reply<std::string> reply)> export_topology;
    // As ControlPort::reload().
    std::function<Result<void>()> read_config_again;
};

// A change of a domain's policy, as it is logged once it is made.
struct PolicyChange {
    LogEvent event = LogEvent::policy_set;
    DomainUuid uuid;
    std::string domain; // its name
    std::string policy; // empty: reset
    Caller caller;
    std::uint64_t generation = 0;
};

class Controller final : public ControlPort {
public:
    Controller(loop::EventLoop& loop, LibvirtPort& host, Reconciler& reconciler, DaemonTasks tasks);

    [[nodiscard]] Result<DomainUuid> find_domain(std::string_view name_or_uuid) const override;
    void set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply) override;
    void reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                      Reply<std::uint64_t> reply) override;
    void reapply(std::optional<DomainUuid> uuid, std::uint64_t flags,
                 Reply<std::uint64_t> reply) override;
    void plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
              const Caller& caller, DefinitionScope scope, Reply<std::string> reply) override;
    void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
              Reply<std::uint64_t> reply) override;
    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t cookie) const override;
    [[nodiscard]] Result<void> release(std::uint64_t cookie, const std::string& owner) override;
    void owner_vanished(const std::string& owner) override;
    [[nodiscard]] Result<void> reload() override;
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] Result<std::string> explain(const DomainUuid& uuid) const override;
    void export_topology(std::uint64_t flags, const Caller& caller,
                         Reply<std::string> reply) override;

private:
    // The answer to Describe, until there is other news: everybody may ask, at any rate.
    struct Described {
        std::uint64_t revision = 0;
        std::string text;
    };

    // The record, or not_found / host_unavailable in words for the caller.
    [[nodiscard]] Result<const DomainRecord*> record_of(const DomainUuid& uuid) const;
    // The same, and limits_exceeded where the pass that is to follow has no room.
    [[nodiscard]] Result<const DomainRecord*> record_to_change(const DomainUuid& uuid) const;
    [[nodiscard]] Result<const DomainRecord*> record_to_pin(const DomainUuid& uuid) const;
    // `uuid` under `spec` in `layer` instead of what it has there now.
    [[nodiscard]] Result<ResolvedPolicy>
    resolve_with(const DomainRecord& record, const PolicySpec& spec, PolicySource layer) const;
    [[nodiscard]] Result<ResolvedPolicy> check(const SetPolicyRequest& request,
                                               const PolicySpec& spec) const;
    [[nodiscard]] Result<std::uint64_t> add_hold(const DomainUuid& uuid, const std::string& reason,
                                                 const std::string& owner);
    // Whether the domain had any that `ends` takes; its back-off goes with them.
    template <class Ends>
    bool end_holds(const DomainUuid& uuid, Ends ends);
    void make_plan(const DomainUuid& uuid, const Policy& policy, DefinitionScope scope,
                   Reply<std::string> reply);
    void store_then_apply(const PolicyChange& change, const std::optional<PolicySpec>& spec,
                          std::optional<int> deferred_id, Reply<std::uint64_t> reply);
    void apply_then_reply(const DomainUuid& uuid, std::uint64_t generation,
                          Reply<std::uint64_t> reply);

    LibvirtPort& host_;
    Reconciler& reconciler_;
    DaemonTasks tasks_;
    std::uint64_t last_cookie_ = 0;
    Exports exports_{has_own_share}; // under way
    PlanQueue plans_;
    mutable Described described_;
};

} // namespace virtpind
