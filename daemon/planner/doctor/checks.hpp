// SPDX-License-Identifier: LGPL-2.1-or-later
// The checks by area. Each adds what it finds, in any order.
#pragma once

#include "doctor_facts.hpp"
#include "findings.hpp"
#include "guest_view.hpp"

#include <vector>

namespace virtpind {

// CPUs that a thread cannot use: they are not there, or the kernel balances no load between them.
void check_masks(const GuestView& guest, Findings& findings);
// Where the vCPUs are: cores and their threads, and who has a pin.
void check_pins(const GuestView& guest, Findings& findings);
// L3s, nodes, kinds of cores.
void check_places(const GuestView& guest, Findings& findings);
// QEMU's own threads and I/O threads. `taken`: CPUs that guests have for themselves.
void check_emulator(const GuestView& guest, const CpuSet& taken, Findings& findings);
// The guest's shape: topology, caches, cells, what libvirt refuses.
void check_shape(const GuestView& guest, Findings& findings);
// Features, scheduling, memory, devices.
void check_features(const GuestView& guest, const HostFacts& host, Findings& findings);
// Against each other; `findings` is that of `guest`, one of `all`.
void check_neighbours(const GuestView& guest, const std::vector<GuestView>& all,
                      Findings& findings);
// The host's settings.
void check_host(const DoctorFacts& facts, const std::vector<GuestView>& all, Findings& findings);
// Hooks, tools and leftovers on the host.
void check_tools(const DoctorFacts& facts, const std::vector<GuestView>& all, Findings& findings);

} // namespace virtpind
