// SPDX-License-Identifier: LGPL-2.1-or-later
#include "problems.hpp"

#include "common/base/printable.hpp"

#include <utility>

namespace virtpind {

bool Problems::set(const std::string& code, const std::string& text)
{
    if (text.empty()) {
        return texts_.erase(code) > 0;
    }
    auto shown = printable(text, 4096); // file names need not be UTF-8
    auto& known = texts_[code];
    if (known == shown) {
        return false;
    }
    known = std::move(shown);
    return true;
}

} // namespace virtpind
