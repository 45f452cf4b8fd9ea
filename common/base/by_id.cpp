// SPDX-License-Identifier: LGPL-2.1-or-later
#include "by_id.hpp"

#include <stdexcept>
#include <string>

namespace virtpind {

void no_such_id(std::size_t number, std::size_t size)
{
    throw std::out_of_range{"number " + std::to_string(number) + " in a table of " +
                            std::to_string(size)};
}

} // namespace virtpind
