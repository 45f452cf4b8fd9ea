// SPDX-License-Identifier: LGPL-2.1-or-later
// What a caller on the bus is told where libvirt, or a pass, does not do what was asked. Pure.
#pragma once

#include "common/base/result.hpp"
#include "domain_record.hpp"

#include <string_view>

namespace virtpind {

// The daemon has no connection to libvirt now.
[[nodiscard]] Error unreachable();

// What libvirt said when virtpind tried to `doing`, in words and a code for a caller: a right that
// libvirt denies to virtpind is not denied to the caller, and a wrong argument was not the
// caller's.
[[nodiscard]] Error translate_libvirt_error(Error error, std::string_view doing);

// What a finished pass came to for the caller who asked for this domain. Errors: not_found (the
// domain ended meanwhile), apply_failed (libvirt is at work on it), and the record's own error.
[[nodiscard]] Result<void> request_result(const Records& records, const DomainUuid& uuid);

} // namespace virtpind
