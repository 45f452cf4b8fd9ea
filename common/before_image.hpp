// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain looked like before virtpind first touched it; what ResetPolicy gives back.
#pragma once

#include "domain.hpp"

#include <optional>
#include <string>

namespace virtpind {

struct BeforeImage {
    DomainUuid uuid;
    std::string name; // for people reading the state file; identity is the UUID
    // The run it was taken in: live pins are given back only to the same run. `boot_id` is the
    // host's, since libvirt counts ids from 1 after every boot.
    std::optional<int> id;
    std::string boot_id;
    std::optional<PinSet> live;
    std::optional<PinSet> config;
};

} // namespace virtpind
