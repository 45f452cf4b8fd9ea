// SPDX-License-Identifier: LGPL-2.1-or-later
// The real PowerPort: power-profiles-daemon, by either of its names, on a connection of its own.
// The hold is the connection's: it ends with it, however this process ends. Main thread; never
// waits.
#pragma once

#include "common/model/power_port.hpp"
#include "dbus/service.hpp"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace virtpind::bus {

class PowerProfiles final : public PowerPort {
public:
    struct Patience {
        std::chrono::milliseconds answer{10'000}; // it may have to be started first
        std::chrono::milliseconds again{60'000};  // after a refusal
    };

    // `event` must outlive this.
    PowerProfiles(sd_event* event, BusKind bus, Patience patience);

    PowerProfiles(sd_event* event, BusKind bus) : PowerProfiles{event, bus, Patience{}} {}

    PowerProfiles(const PowerProfiles&) = delete;
    PowerProfiles& operator=(const PowerProfiles&) = delete;
    ~PowerProfiles() override = default;

    void want(bool wanted) override;

    // While it is asked again, what it said before.
    [[nodiscard]] PowerHold hold() const override
    {
        const auto asked_again =
            hold_.state == PowerHold::State::asked && told_.state != PowerHold::State::none;
        return asked_again ? told_ : hold_;
    }

    void on_changed(std::function<void()> changed) override { changed_ = std::move(changed); }

private:
    struct Close {
        void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    };

    static int on_answer(sd_bus_message* answer, void* self, sd_bus_error* error) noexcept;
    static int on_owner(sd_bus_message* signal, void* self, sd_bus_error* error) noexcept;
    static int on_released(sd_bus_message* signal, void* self, sd_bus_error* error) noexcept;
    [[nodiscard]] int open();
    [[nodiscard]] int watch();
    void begin();
    void ask();
    void take_answer(sd_bus_message* answer);
    void take_state(PowerHold hold);

    sd_event* event_;
    BusKind kind_;
    Patience patience_;
    std::function<void()> changed_;
    bool wanted_ = false;
    std::size_t name_ = 0; // of the service's, which is asked
    std::string owner_;    // unique name of who answered
    std::uint32_t cookie_ = 0;
    PowerHold hold_;
    PowerHold told_;
    std::chrono::steady_clock::time_point asked_at_{};
    std::unique_ptr<sd_bus, Close> bus_; // last: no callback after it
};

} // namespace virtpind::bus
