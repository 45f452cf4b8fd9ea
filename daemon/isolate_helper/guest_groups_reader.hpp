// SPDX-License-Identifier: LGPL-2.1-or-later
// The control groups of machine.slice, the guests of other slices and what the host must keep, as
// values for the rules. Blocking.
#pragma once

#include "common/isolation/isolation_rules.hpp"
#include "host_dir.hpp"

#include <string>
#include <vector>

namespace virtpind {

inline const std::string machine_slice = "machine.slice";
inline const std::string threads_group = "libvirt"; // of a guest, where libvirt keeps its threads
inline const std::string idle_group = "virtpind-idle"; // in that one: CPUs where nothing runs

// `cgroups` is the root of cgroup v2, `sys` is /sys. Errors: unsupported, where the kernel has no
// partitions there, or the guests have no cpusets (`native_code` 1); limits_exceeded; not_found.
[[nodiscard]] Result<IsolationHost> read_isolation_host(const HostDir& cgroups, const HostDir& sys);

// Of the guests in machine.slice alone: the names of their groups, and what one of them has to
// itself, without a look at the others. Who is not there (any more) has nothing. Errors: not_found,
// invalid_argument, limits_exceeded; they name the file.
[[nodiscard]] Result<std::vector<std::string>> list_guest_scopes(const HostDir& cgroups);
[[nodiscard]] Result<GuestGroups> read_guest_groups(const HostDir& cgroups,
                                                    const std::string& scope);

// The guest's own group "machine.slice/SCOPE". Error: not_found.
[[nodiscard]] Result<HostDir> open_guest(const HostDir& cgroups, const std::string& scope);

} // namespace virtpind
