// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's state as the bus shows it. Pure.
#pragma once

#include "common/model/config.hpp"
#include "common/model/control_port.hpp"
#include "common/model/libvirt_port.hpp"
#include "common/model/plan.hpp"
#include "domain_record.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtpind {

enum class ServicePhase { starting, running, stopping };

struct ManagerViewInput {
    const Config& config;
    const Topology* topology;           // null: not read yet
    const LibvirtConnected* connection; // null: no connection
    const Plan& plan;
    const Records& records;
    const std::map<std::string, std::string>& problems; // code -> text
    ServicePhase phase = ServicePhase::running;
};

// One line of bounded length for systemd: "ready, 14 domains, 12 pinned, 2 not as asked (build,
// win11), 2 problems". Who is not as asked is not among the pinned.
[[nodiscard]] std::string status_text(const ManagerView& manager,
                                      const std::vector<DomainView>& domains);

[[nodiscard]] ManagerView make_manager_view(const ManagerViewInput& input);

// What is missing first, then what is worth knowing, then what is well; bounded.
[[nodiscard]] std::vector<ReasonView> make_reason_views(const DomainRecord& record);

// Pins as they are in force: of the running domain, else of its definition. A thread without a
// pin of its own shows what it may use.
// `plan` is that of the latest pass, of all domains.
[[nodiscard]] DomainView make_domain_view(const DomainRecord& record, const Topology* topology,
                                          const Plan& plan);

} // namespace virtpind
