// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_facts.hpp"

namespace virtpind {

HostFacts HostFacts::not_known(const std::string& why)
{
    HostFacts facts;
    const auto forget = [&why](auto&... all) { ((all.reason = why), ...); };
    forget(facts.cmdline, facts.units, facts.daemons, facts.hooks, facts.tuned_profile,
           facts.irqbalance_banned, facts.interrupts, facts.governors, facts.idle_states,
           facts.workqueue_cpus, facts.halt_poll_nsec, facts.ksm, facts.numa_balancing, facts.thp,
           facts.sched_ext, facts.rt_throttling, facts.swap);
    return facts;
}

} // namespace virtpind
