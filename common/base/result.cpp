// SPDX-License-Identifier: LGPL-2.1-or-later
#include "result.hpp"

namespace virtpind {

Error Error::failed_to(std::string_view what) &&
{
    message = "Failed to " + std::string{what} + ": " + message;
    return std::move(*this);
}

} // namespace virtpind
