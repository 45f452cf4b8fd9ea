// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the partitions of one guest what a granted request says. Blocking.
#pragma once

#include "common/isolation/isolation_rules.hpp"
#include "host_dir.hpp"

#include <optional>

namespace virtpind {

// First off, what is not as asked; then on. Where one of the request's partitions does not come,
// all of this guest go. nullopt: done. `host` is as it was read, under the lock.
[[nodiscard]] std::optional<IsolationAnswer> write_partitions(const HostDir& cgroups,
                                                              const IsolationRequest& request,
                                                              const IsolationHost& host);

} // namespace virtpind
