// SPDX-License-Identifier: LGPL-2.1-or-later
// One action, one libvirt call. Worker thread.
#pragma once

#include "common/model/action.hpp"
#include "connection.hpp"

namespace virtpind {

// Pins a vCPU, the emulator or an I/O thread. `flags`: VIR_DOMAIN_AFFECT_LIVE or _CONFIG, never
// both at once (libvirt does that in two steps and, when the second fails, leaves the first).
[[nodiscard]] Result<void> call_pin(virDomainPtr domain, const PinAction& pin, unsigned flags);

// An action on the running domain, with the flags that the driver wants.
[[nodiscard]] Result<void> call_live(const VirtConnection& connection, virDomainPtr domain,
                                     const LiveAction& action);

} // namespace virtpind
