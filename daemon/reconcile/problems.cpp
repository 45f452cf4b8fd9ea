// SPDX-License-Identifier: LGPL-2.1-or-later
#include "problems.hpp"

#include "common/base/logging.hpp"
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

void Problems::report(const std::string& code, const std::string& text, Log log)
{
    const auto appears = !texts_.contains(code);
    const auto changed = set(code, text);
    if (!text.empty() && changed && (appears || log == Log::each_text)) {
        log_warning("{}", printable(text, 1024));
    }
}

} // namespace virtpind
