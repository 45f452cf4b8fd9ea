// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks polkit, only on the bus of the service. Main thread only; never waits.
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

// The time polkit may take; a person needs longer than a rule.
struct PolkitPatience {
    std::chrono::milliseconds alone{10'000};
    std::chrono::milliseconds with_a_person{60'000};
};

class Polkit {
public:
    struct Question {
        std::string action; // "org.virtpind1.set-policy"
        std::string sender; // unique bus name of the caller
        std::map<std::string, std::string> details;
        Interaction interaction = Interaction::forbidden;
        std::string cancellation; // unique among open questions
    };

    // Success: authorized. Error: permission_denied, saying why and what to do.
    using Verdict = std::function<void(Result<void>)>;

    // The connection must outlive this.
    Polkit(sdbus::IConnection& connection, PolkitPatience patience);

    // The verdict comes once, later, on the main thread; never if this is destroyed first. A
    // missing polkit, an error and a timeout are a no.
    void ask(const Question& question, Verdict verdict);

    // Cancels the question with this cancellation id; its verdict still comes.
    void cancel(const std::string& cancellation) noexcept;

private:
    PolkitPatience patience_;
    std::unique_ptr<sdbus::IProxy> authority_;
};

} // namespace virtpind::bus
