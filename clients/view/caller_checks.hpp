// SPDX-License-Identifier: LGPL-2.1-or-later
// The service's doctor sees little of its host; `virtpind doctor`, which runs as its caller, does.
// Pure.
#pragma once

#include "common/base/result.hpp"

#include <string>
#include <string_view>

namespace virtpind::client {

// Both are JSON of a doctor. The answer of the service, with what it could not measure taken from
// the command's, where that could. Error: internal, one of them is no such JSON.
[[nodiscard]] Result<std::string> with_caller_checks(std::string_view of_service,
                                                     std::string_view of_command);

// Whether the command may be given this URI of the service's: one of its host's libvirt, without
// parameters, and nothing that a shell does not take as it is. libvirt runs programs that other
// URIs name.
[[nodiscard]] bool is_plain_local_uri(std::string_view uri);

} // namespace virtpind::client
