// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publisher.hpp"

#include <utility>

namespace virtpind {

void Publisher::keep(const DomainRecord& record, Verdict verdict)
{
    announcements_.push_back({.uuid = record.seen.facts.uuid,
                              .generation = record.generation,
                              .verdict = std::move(verdict)});
}

void Publisher::publish(const ManagerViewInput& state)
{
    ++revision_;
    if (sink_ == nullptr) {
        return;
    }
    std::vector<DomainView> domains;
    domains.reserve(state.records.size());
    for (const auto& [uuid, record] : state.records) {
        domains.push_back(make_domain_view(record, state.topology, state.plan));
    }
    sink_->publish(make_manager_view(state), domains);
}

void Publisher::announce()
{
    for (const auto& [uuid, generation, verdict] : std::exchange(announcements_, {})) {
        if (sink_ != nullptr) {
            sink_->applied(uuid, generation, verdict.result, verdict.details);
        }
    }
}

} // namespace virtpind
