// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a domain can be changed now: whether it answers, and whether libvirt is at work on it.
// Worker thread.
#pragma once

#include "common/base/result.hpp"

#include <libvirt/libvirt.h>

#include <cstddef>
#include <string>

namespace virtpind {

// Whether somebody else's call has been waiting for QEMU for long: ours would block for 30 s each,
// those that change only the definition too, and with libvirt 11 those that read it. Drivers that
// cannot tell count as responsive.
[[nodiscard]] bool is_unresponsive(virDomainPtr domain);
// Whether libvirt itself is at work on it (start, save, migration), has paused it for that, and
// keeps others waiting until it has ended; as virDomainGetState() tells.
[[nodiscard]] bool is_job_active(int state, int reason);
[[nodiscard]] bool is_job_active(virDomainPtr domain);
// What libvirt is doing with a running domain that it lets nobody change meanwhile: "migrated",
// "saved"; empty: nothing. Not of one that hangs, where the question would wait, too.
[[nodiscard]] std::string busy_with(virDomainPtr domain);
// What is said of one that is.
[[nodiscard]] Error is_busy(const std::string& with, std::size_t changes = 0);
// What is said of one that hangs.
[[nodiscard]] Error no_answer(virDomainPtr domain);

} // namespace virtpind
