// SPDX-License-Identifier: LGPL-2.1-or-later
#include "siblings.hpp"

#include <algorithm>

namespace virtpind {

namespace {

bool has_siblings(const HostIndex& host)
{
    return std::any_of(host.cores.begin(), host.cores.end(),
                       [](const HostCore& core) { return core.cpus.size() > 1; });
}

// Without caches, sibling threads and a vendor, a host description does not tell cores from threads
// (a nested host, a bare list of CPUs): nobody can promise whole cores there.
bool tells_cores_apart(const HostIndex& host)
{
    return !host.topology->vendor.empty() || !host.topology->caches.empty() || has_siblings(host) ||
           std::any_of(host.topology->l3s.begin(), host.topology->l3s.end(),
                       [](const L3& l3) { return l3.size_bytes > 0; });
}

} // namespace

bool lacks_siblings(const HostIndex& host, const Intent& intent)
{
    const auto& policy = intent.policy;
    if (policy.smt != SmtChoice::require || policy.topology != TopologyChoice::keep) {
        return false;
    }
    const auto threads = intent.topology ? intent.topology->threads : 1U;
    return (threads > 1 && !has_siblings(host)) || !tells_cores_apart(host);
}

} // namespace virtpind
