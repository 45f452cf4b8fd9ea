// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks polkit on the bus we serve on, and only there. Main thread only; never waits.
#pragma once

#include "common/base/result.hpp"
#include "dbus/interaction.hpp"
#include "dbus/sdbus_compat.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace virtpind::bus {

// How long polkit may take; a person needs longer than a rule.
struct PolkitPatience {
    std::chrono::milliseconds alone{10'000};
    std::chrono::milliseconds with_a_person{60'000};
};

class Polkit {
public:
    struct Question {
        std::string action; // "org.virtpind1.set-policy"
        std::string sender; // unique bus name of who wants it
        std::map<std::string, std::string> details;
        Interaction interaction = Interaction::forbidden;
        std::string cancellation; // unique among what waits
    };

    // Success: authorized. Error: permission_denied, saying why and what to do.
    using Verdict = std::function<void(Result<void>)>;

    // The connection must outlive this.
    Polkit(sdbus::IConnection& connection, PolkitPatience patience);

    // The verdict comes once, later, on the main thread; never if this is destroyed first. No
    // polkit, an error and silence are a no.
    void ask(const Question& question, Verdict verdict);

    // Takes back what was asked with that cancellation; its verdict still comes.
    void cancel(const std::string& cancellation) noexcept;

private:
    PolkitPatience patience_;
    std::unique_ptr<sdbus::IProxy> authority_;
};

} // namespace virtpind::bus
