// SPDX-License-Identifier: LGPL-2.1-or-later
#include "target.hpp"

namespace virtpind::client {

std::string target_text(const Target& target)
{
    return target.kind == Target::Kind::machine ? "machine " + target.name : target.name;
}

} // namespace virtpind::client
