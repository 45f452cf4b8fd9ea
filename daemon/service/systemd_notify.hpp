// SPDX-License-Identifier: LGPL-2.1-or-later
// Notifications to systemd, see sd_notify(3); they do nothing when systemd did not start the
// process. Main thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace virtpind {

class ServiceManager {
public:
    void say_ready(); // sends it only once
    // Around a reload; both do nothing before READY.
    void say_reloading() const;
    void say_reloaded() const;
    static void say_stopping();
    // One line, sent only when it has changed: sending waits while systemd is
    // busy.
    void say_status(std::string text);

    // The interval of the watchdog; none: there is no watchdog.
    [[nodiscard]] static std::optional<std::chrono::microseconds> watchdog_interval();
    static void feed_watchdog();

private:
    bool ready_said_ = false;
    std::string status_; // the last one sent
};

} // namespace virtpind
