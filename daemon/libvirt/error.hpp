// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's errors as ours, with libvirt's own code, domain and text.
#pragma once

#include "common/base/result.hpp"

namespace virtpind {

// libvirt prints errors to stderr unless told otherwise. Process-wide.
void silence_libvirt();

// The error of the libvirt call that just failed on this thread. host_unavailable when the
// connection is what failed.
[[nodiscard]] Error last_error();

} // namespace virtpind
