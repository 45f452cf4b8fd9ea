// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_topology.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "daemon/reconcile/controller.hpp"
#include "daemon/topology/topology_export.hpp"
#include "daemon/topology/topology_reader.hpp"

#include <utility>
#include <vector>

namespace virtpind {

namespace {

std::vector<TopologyLabel> labels_of(const Plan& plan)
{
    std::vector<TopologyLabel> labels;
    for (const auto& domain : plan.domains) {
        if (domain.claim.empty()) {
            continue;
        }
        const auto name = printable(domain.name);
        auto& label = labels.emplace_back();
        label = {.name = name, .cpus = domain.claim};
        for (const auto& [vcpu, cpus] : domain.vcpus) {
            if (cpus.size() == 1) { // more: a vCPU that is not plugged
                label.threads.emplace(cpus.front(), name + " vCPU " + std::to_string(raw(vcpu)));
            }
        }
    }
    using Whose = TopologyLabel::Whose;
    labels.push_back({.name = "housekeeping",
                      .cpus = plan.housekeeping,
                      .threads = {},
                      .whose = Whose::housekeeping});
    labels.push_back({.name = "pool", .cpus = plan.pool, .threads = {}, .whose = Whose::pool});
    return labels;
}

} // namespace

HostTopology::HostTopology(loop::EventLoop& loop, const TopologySource& source,
                           std::shared_ptr<const Topology> first, Reconciler& reconciler)
    : source_{source}
    , current_{std::move(first)}
    , reconciler_{reconciler}
    , reader_{loop, "host-reader", 4 + exports_max} // exports leave room for readings
    , watch_{loop, [this] { read_again(); }}
{}

void HostTopology::read_again()
{
    if (source_.kind != TopologySource::Kind::live) {
        return;
    }
    const auto posted = reader_.submit([this, source = source_] {
        auto read = read_topology(source);
        return [this, read = std::move(read)]() mutable { on_read(std::move(read)); };
    });
    if (posted == loop::Posted::full) {
        log_debug("the topology is being read already");
    }
}

void HostTopology::on_read(Result<Topology> read)
{
    if (!read) {
        log_warning("failed to read the topology, keeping the former one: {}",
                    printable(read.error().message));
        reconciler_.set_problem("Topology", read.error().message);
        reconciler_.publish();
        return;
    }
    reconciler_.set_problem("Topology", "");
    auto next = std::make_shared<Topology>(std::move(*read));
    const auto changed = !same_layout(*current_, *next);
    next->generation = current_->generation + (changed ? 1 : 0);
    if (changed) {
        log_info("the topology changed: CPUs {} are online (generation {})",
                 next->online_cpus().str(), next->generation);
    }
    current_ = std::move(next);
    reconciler_.on_topology(current_); // free memory is news, too
    reconciler_.publish();
}

void HostTopology::export_xml(const Plan& plan, const Reply<std::string>& reply)
{
    const auto posted = reader_.submit([source = source_, labels = labels_of(plan), reply] {
        auto xml = export_topology_xml(source, labels);
        return [reply, xml = std::move(xml)]() mutable { reply(std::move(xml)); };
    });
    if (posted == loop::Posted::full) {
        reply(Error{.code = Errc::limits_exceeded,
                    .message = "too many exports of the topology are under way; try again later"});
    }
}

} // namespace virtpind
