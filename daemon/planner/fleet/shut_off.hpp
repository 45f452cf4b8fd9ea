// SPDX-License-Identifier: LGPL-2.1-or-later
// The places of domains that are shut off, for their definitions.
#pragma once

#include "arrangement.hpp"

namespace virtpind {

// Places one that is shut off, with the housekeeping that would give way to it when it starts: that
// of those that run stays where it is until then.
Fleet::Later place_shut_off(Arrangement& arrangement, Member& member);

} // namespace virtpind
