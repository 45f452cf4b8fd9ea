// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of the service's objects as values. What is missing or has another type is left as it
// is: services are older or newer than this client. Texts become printable.
#pragma once

#include "clients/view/facts.hpp"

#include <map>
#include <string>

namespace sdbus {
class Variant;
}

namespace virtpind::client {

using Properties = std::map<std::string, sdbus::Variant>;

[[nodiscard]] Service read_service(const Properties& properties);
[[nodiscard]] Guest read_guest(const Properties& properties);

} // namespace virtpind::client
