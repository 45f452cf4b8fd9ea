// SPDX-License-Identifier: LGPL-2.1-or-later
#include "result.hpp"

namespace virtpind {

Error Error::context(std::string_view doing) &&
{
    message = "while " + std::string{doing} + ": " + message;
    return std::move(*this);
}

} // namespace virtpind
