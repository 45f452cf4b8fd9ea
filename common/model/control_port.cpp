// SPDX-License-Identifier: LGPL-2.1-or-later
#include "control_port.hpp"

namespace virtpind {

std::string_view to_string(PinState state)
{
    switch (state) {
    case PinState::idle:
        return "idle";
    case PinState::applying:
        return "applying";
    case PinState::pinned:
        return "pinned";
    case PinState::partial:
        return "partial";
    case PinState::failed:
        return "failed";
    case PinState::foreign:
        return "foreign";
    case PinState::held:
        return "held";
    }
    return "idle";
}

} // namespace virtpind
