// SPDX-License-Identifier: LGPL-2.1-or-later
// What a definition says that virtpind never changes and the doctor judges: features, devices,
// clock, scheduling. Plain values.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

// What runs in the guest, as far as the definition tells.
enum class GuestSystem {
    unknown,
    windows,        // it has Hyper-V's enlightenments, or libosinfo says so
    windows_client, // libosinfo names an edition for desktops
};

struct GuestDetails {
    GuestSystem system = GuestSystem::unknown;
    std::string cpu_mode;   // <cpu mode=>; "" without <cpu>, "custom" where it is not said
    std::string cache_mode; // <cpu><cache mode=>; "" without
    std::optional<std::uint32_t> cache_level; // its level
    std::set<std::string> required;           // CPU features with require or force
    std::set<std::string> disabled;           // CPU features with disable or forbid
    std::set<std::string> hyperv;             // enlightenments that are on; "passthrough" is a mode
    bool hint_dedicated = false;              // <features><kvm><hint-dedicated state='on'/>
    bool tsc_native = false;                  // <clock><timer name='tsc' mode='native'/>
    bool locked = false;                      // <memoryBacking><locked/>
    bool hard_limit = false;                  // <memtune><hard_limit>
    bool balloon = false;                     // a memballoon that is not 'none'
    bool host_smbios = false;                 // <os><smbios mode='host'/>
    std::set<IothreadId> iothreads_in_use;    // that a disk or a controller names
    // virtio disks and SCSI controllers without an I/O thread, by target or "scsi 0".
    std::vector<std::string> without_iothread;
    VcpuSet fifo_vcpus;              // of <vcpusched> with fifo or rr
    std::uint32_t fifo_priority = 0; // the highest of these
};

} // namespace virtpind
