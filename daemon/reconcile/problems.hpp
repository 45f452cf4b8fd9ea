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

    // The same, and logs a warning: when the problem appears, or each time that its text changes.
    enum class Log { once, each_text };
    void report(const std::string& code, const std::string& text, Log log);

    [[nodiscard]] const std::map<std::string, std::string>& texts() const noexcept
    {
        return texts_;
    }

private:
    std::map<std::string, std::string> texts_; // never empty ones
};

} // namespace virtpind
