// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd_notify.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <utility>

namespace virtpind {

void ServiceManager::say_ready()
{
    if (!std::exchange(ready_said_, true)) {
        sd_notify(0, "READY=1");
    }
}

void ServiceManager::say_reloading() const
{
    if (ready_said_) {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
        sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec)).c_str());
    }
}

void ServiceManager::say_reloaded() const
{
    if (ready_said_) {
        sd_notify(0, "READY=1");
    }
}

void ServiceManager::say_stopping()
{
    sd_notify(0, "STOPPING=1");
}

void ServiceManager::say_status(std::string text)
{
    if (text != status_) {
        status_ = std::move(text);
        sd_notify(0, ("STATUS=" + status_).c_str());
    }
}

std::optional<std::chrono::microseconds> ServiceManager::watchdog_interval()
{
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) {
        return std::nullopt;
    }
    return std::chrono::microseconds{usec};
}

void ServiceManager::feed_watchdog()
{
    sd_notify(0, "WATCHDOG=1");
}

} // namespace virtpind
