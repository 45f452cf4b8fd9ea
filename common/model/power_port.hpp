// SPDX-License-Identifier: LGPL-2.1-or-later
// The request of the reconciler for the host's power profile: held while a guest wants it.
// Abstract, so that tests can play it; dbus/power_profiles.hpp is the real one. Main thread.
#pragma once

#include <functional>
#include <string>

namespace virtpind {

struct PowerHold {
    enum class State {
        none,    // nobody wants it
        asked,   // the service has not answered yet
        held,    // it holds it for us
        refused, // it does not, see `why`
        yielded, // it did, until somebody chose another profile
    };
    State state = State::none;
    std::string why; // printable; only where it is refused
    friend bool operator==(const PowerHold&, const PowerHold&) = default;
};

class PowerPort {
public:
    virtual ~PowerPort() = default;

    // Whether the profile "performance" is to be held. May be said again and again; never waits.
    // What is refused is asked for again after a while, what was yielded when it is wanted anew.
    virtual void want(bool wanted) = 0;
    [[nodiscard]] virtual PowerHold hold() const = 0;
    // Called later, when hold() is another one than the last time.
    virtual void on_changed(std::function<void()> changed) = 0;
};

} // namespace virtpind
