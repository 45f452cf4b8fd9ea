// SPDX-License-Identifier: LGPL-2.1-or-later
// What a policy would do to a domain, without doing it: D-Bus Plan. Main thread; nothing blocks.
#pragma once

#include "common/model/control_port.hpp"
#include "dry_run_queue.hpp"
#include "reconciler.hpp"

#include <string>

namespace virtpind {

class DryRuns {
public:
    // Both must outlive this.
    DryRuns(loop::EventLoop& loop, LibvirtPort& host, Reconciler& reconciler)
        : host_{host}, reconciler_{reconciler}, queue_{loop}
    {}

    // As ControlPort::plan().
    void plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
              const Caller& caller, DefinitionScope scope, Reply<std::string> reply);

private:
    void make_plan(const DomainUuid& uuid, const Policy& policy, DefinitionScope scope,
                   Reply<std::string> reply);

    LibvirtPort& host_;
    Reconciler& reconciler_;
    DryRunQueue queue_;
};

} // namespace virtpind
