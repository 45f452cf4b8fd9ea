// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor finds of the domains as the latest pass saw them, for the method Doctor. Pure.
//
// The service is kept away from what the host does besides (interrupts, daemons, hooks): the
// process of whoever asks reads that, see virtpind-doctor(1).
#pragma once

#include "common/model/topology.hpp"
#include "domain_record.hpp"

#include <optional>
#include <string>

namespace virtpind {

// More domains are not examined at once: the answer and the time that it takes have a limit.
inline constexpr std::size_t examined_domains_max = 512;

// JSON, as render/doctor_json has it, of one domain beside all others, or of all by name.
[[nodiscard]] std::string examine_records(const Records& records, const Topology& topology,
                                          const std::optional<DomainUuid>& uuid);

} // namespace virtpind
