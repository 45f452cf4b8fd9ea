// SPDX-License-Identifier: LGPL-2.1-or-later
// "Somebody should look at this": the service's problems by code, shown until they are cleared.
// Those of domains are in their records. Main thread.
#pragma once

#include <map>
#include <string>

namespace virtpind {

class Problems {
public:
    // "" clears it. Whether the text is another than before.
    bool set(const std::string& code, const std::string& text);

    [[nodiscard]] bool has(const std::string& code) const { return texts_.contains(code); }

    [[nodiscard]] const std::map<std::string, std::string>& texts() const noexcept
    {
        return texts_;
    }

private:
    std::map<std::string, std::string> texts_; // never empty ones
};

} // namespace virtpind
