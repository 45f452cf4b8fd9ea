// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtpind tells systemd, see sd_notify(3); nothing when it was not started by systemd. Main
// thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace virtpind {

class ServiceManager {
public:
    void say_ready(); // the first time
    // Around a reload; a service that is still starting has nothing to reload, for systemd.
    void say_reloading() const;
    void say_reloaded() const;
    static void say_stopping();
    // One line. To systemd it goes when it has changed: telling waits while systemd does not
    // listen.
    void say_status(std::string text);

    // In which the watchdog wants to be fed at least once; none: there is no watchdog.
    [[nodiscard]] static std::optional<std::chrono::microseconds> watchdog_interval();
    static void feed_watchdog();

private:
    bool ready_said_ = false;
    std::string status_; // as systemd has it
};

} // namespace virtpind
