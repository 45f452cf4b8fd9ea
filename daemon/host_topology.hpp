// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's snapshot of the host's topology: read on a thread of its own, since sysfs must not
// wait behind a libvirt that hangs, and handed to the reconciler. Main thread.
#pragma once

#include "common/base/result.hpp"
#include "common/model/control_port.hpp"
#include "common/model/plan.hpp"
#include "common/model/topology.hpp"
#include "daemon/loop/event_loop.hpp"
#include "daemon/loop/worker.hpp"
#include "daemon/reconcile/reconciler.hpp"
#include "daemon/topology/topology_source.hpp"
#include "daemon/watch/uevent_watch.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace virtpind {

class HostTopology {
public:
    // All must outlive this.
    HostTopology(loop::EventLoop& loop, const TopologySource& source,
                 std::shared_ptr<const Topology> first, Reconciler& reconciler);

    [[nodiscard]] const std::shared_ptr<const Topology>& current() const { return current_; }

    // Why CPU hotplug is not announced; empty when it is.
    [[nodiscard]] std::string_view problem() const noexcept { return watch_.problem(); }

    // The reconciler gets the result later, as a new topology or as a Problem. Does nothing for a
    // source other than the live host.
    void read_again();

    // The host as hwloc XML, labelled with the domains of `plan`. Error: limits_exceeded, and those
    // of read_topology().
    void export_xml(const Plan& plan, const Reply<std::string>& reply);

private:
    void on_read(Result<Topology> read);

    const TopologySource& source_;
    std::shared_ptr<const Topology> current_;
    Reconciler& reconciler_;
    loop::Worker reader_;
    UeventWatch watch_;
};

} // namespace virtpind
