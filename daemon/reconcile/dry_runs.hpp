// SPDX-License-Identifier: LGPL-2.1-or-later
// What a policy would do to a domain, or where a guest would go, without doing it, and what is
// wrong with domains: D-Bus Plan, PlanXML and Doctor. Main thread; nothing blocks: definitions of
// callers are read and edited elsewhere.
#pragma once

#include "common/model/control_port.hpp"
#include "dry_run_queue.hpp"
#include "reconciler.hpp"

#include <memory>
#include <optional>
#include <string>

namespace virtpind {

class DryRuns {
public:
    // Both must outlive this.
    DryRuns(loop::EventLoop& loop, LibvirtPort& host, Reconciler& reconciler)
        : host_{host}, reconciler_{reconciler}, queue_{loop}
    {}

    // As ControlPort::plan().
    void plan(const SetPolicyRequest& request, DefinitionScope scope, Reply<std::string> reply);

    // As ControlPort::plan_guest().
    void plan_guest(std::string xml, const std::string& policy, OptionMap options,
                    const Caller& caller, Reply<std::string> reply);

    // As ControlPort::doctor().
    void doctor(std::optional<DomainUuid> uuid, const Caller& caller, Reply<std::string> reply);

private:
    // A guest that is not defined, on its way to its plan. In no copy of `reply` it is answered
    // twice.
    struct Guest {
        std::string xml;
        std::optional<PolicySpec> policy; // absent: its own
        uid_t user = 0;
        Reply<std::string> reply;
    };

    void plan_read_guest(const std::shared_ptr<const Guest>& guest, ObservedDomain seen);
    void make_plan(const DomainUuid& uuid, const Policy& policy, DefinitionScope scope,
                   Reply<std::string> reply);

    LibvirtPort& host_;
    Reconciler& reconciler_;
    DryRunQueue queue_;
};

} // namespace virtpind
