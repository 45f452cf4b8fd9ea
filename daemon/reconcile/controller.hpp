// SPDX-License-Identifier: LGPL-2.1-or-later
// What D-Bus may ask, carried out: checks the request, stores the policy, and lets the reconciler
// make it true. Main thread only; nothing here blocks.
#pragma once

#include "common/base/quota.hpp"
#include "common/model/control_port.hpp"
#include "daemon/service/log_events.hpp"
#include "dry_runs.hpp"
#include "holds.hpp"
#include "reconciler.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

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

    void plan(SetPolicyRequest request, DefinitionScope scope, Reply<std::string> reply) override
    {
        dry_runs_.plan(request, scope, std::move(reply));
    }

    void plan_guest(std::string xml, const std::string& policy, OptionMap options,
                    const Caller& caller, Reply<std::string> reply) override
    {
        dry_runs_.plan_guest(std::move(xml), policy, std::move(options), caller, std::move(reply));
    }

    void doctor(std::optional<DomainUuid> uuid, const Caller& caller,
                Reply<std::string> reply) override
    {
        dry_runs_.doctor(std::move(uuid), caller, std::move(reply));
    }

    void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
              Reply<std::uint64_t> reply) override
    {
        holds_.hold(uuid, reason, owner, std::move(reply));
    }

    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t cookie) const override
    {
        return holds_.held_under(cookie);
    }

    [[nodiscard]] Result<void> release(std::uint64_t cookie, const std::string& owner) override
    {
        return holds_.release(cookie, owner);
    }

    void owner_vanished(const std::string& owner) override;

    [[nodiscard]] Result<void> reload() override;
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] Result<std::string> explain(const DomainUuid& uuid) const override;
    [[nodiscard]] Result<std::vector<ReasonView>> why(const DomainUuid& uuid) const override;
    void export_topology(std::uint64_t flags, const Caller& caller,
                         Reply<std::string> reply) override;

private:
    // The answer to Describe at one revision: everybody may ask, at any rate.
    struct Described {
        std::uint64_t revision = 0;
        std::string text;
        std::uint64_t generation = 0; // of the topology that `layout` is of
        std::string layout;
    };

    void store_then_apply(const PolicyChange& change, const std::optional<PolicySpec>& spec,
                          std::optional<int> deferred_id, Reply<std::uint64_t> reply);
    void apply_then_reply(const DomainUuid& uuid, std::uint64_t generation,
                          Reply<std::uint64_t> reply);
    void wait_to_merge(SetPolicyRequest request, Reply<std::uint64_t> reply);
    void set_waiting(const DomainUuid& uuid);

    LibvirtPort& host_;
    Reconciler& reconciler_;
    DaemonTasks tasks_;
    Exports exports_{has_own_share}; // under way
    Holds holds_;
    DryRuns dry_runs_;
    std::uint64_t last_store_ = 0;

    // Requests with MERGE for what is being stored, in their order: they change what is there then,
    // which is not what was to be stored where that fails.
    struct WaitingMerge {
        SetPolicyRequest request;
        Reply<std::uint64_t> reply;
    };

    std::map<DomainUuid, std::deque<WaitingMerge>> waiting_;
    mutable Described described_;
};

} // namespace virtpind
