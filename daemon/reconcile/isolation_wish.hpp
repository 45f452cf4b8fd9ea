// SPDX-License-Identifier: LGPL-2.1-or-later
// Which threads of a guest are to have their CPUs to themselves, what is in the way, and what comes
// of it for the domain. Pure.
#pragma once

#include "common/model/action.hpp"
#include "common/model/isolation_port.hpp"
#include "common/model/plan.hpp"
#include "common/model/topology.hpp"
#include "domain_record.hpp"

#include <optional>

namespace virtpind {

[[nodiscard]] IsolateChoice asked_isolation(const DomainRecord& record);

// It runs, is placed on CPUs of its own, and its policy asks for it.
[[nodiscard]] bool wants_isolation(const DomainRecord& record);

// Every online vCPU that has a CPU of its own; emulator and I/O threads with `own`, as far as each
// has CPUs that no other has; the idle siblings of smt=isolate. Precondition: wants_isolation().
[[nodiscard]] IsolatedThreads wanted_threads(const DomainRecord& record, const Topology& topology);

// Those of `held` that stay as they are through the changes that are due (`actions` may be null).
// The others go before: a thread is not moved out of its partition.
[[nodiscard]] IsolatedThreads kept_threads(const DomainRecord& record, const IsolatedThreads& held,
                                           const DomainActions* actions, const Topology& topology);

// What was to go off and has not: it would have to before these changes (`actions` may be null),
// which move a thread that is still in its partition (Linux 6.12 would then warn, and leave the
// partition of another size than its CPUs), or nothing of the domain is to be isolated any more.
[[nodiscard]] std::optional<Error> find_still_isolated(const DomainRecord& record,
                                                       const DomainActions* actions);

// Whether this domain's partitions are ours to change now.
[[nodiscard]] bool may_change_isolation(const DomainRecord& record);

// What is in the way, before anybody is asked; nullopt: nothing that can be seen.
[[nodiscard]] std::optional<Reason> find_isolation_obstacle(const DomainRecord& record,
                                                            const IsolatedThreads& wanted,
                                                            const IsolationView& view,
                                                            const Records& records,
                                                            const Topology& topology);

// The same for what the helper answered.
[[nodiscard]] Reason isolation_reason(const IsolationAnswer& refused);

// Where virtpind runs with a topology that is not this host's.
[[nodiscard]] Reason nobody_isolates();

// The plan tells whether it has its CPUs to itself, or what is in the way: then it is not as asked,
// but with isolate=auto. What it told before is gone. Precondition: it has a plan.
enum class NodesForgotten { no, yes }; // by the kernel's own threads
void tell_isolation(DomainRecord& record, NodesForgotten forgotten);

} // namespace virtpind
