// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/power_profiles.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "dbus/boundary.hpp"
#include "dbus/names.hpp"

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace virtpind::bus {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t words_max = 256; // of an error of the service

// Since its version 0.20, and before. The interface has the name of the service.
struct ServiceNames {
    const char* name;
    const char* path;
};

constexpr std::array<ServiceNames, 2> services{
    ServiceNames{"org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles"},
    ServiceNames{"net.hadess.PowerProfiles", "/net/hadess/PowerProfiles"}};

bool is_nobody(const sd_bus_error& error)
{
    return sd_bus_error_has_name(&error, SD_BUS_ERROR_SERVICE_UNKNOWN) != 0 ||
           sd_bus_error_has_name(&error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) != 0;
}

PowerHold refused(std::string why)
{
    return {.state = PowerHold::State::refused, .why = printable(std::move(why), words_max)};
}

std::string sender_of(sd_bus_message* message)
{
    const auto* const sender = sd_bus_message_get_sender(message);
    return sender != nullptr ? sender : "";
}

} // namespace

PowerProfiles::PowerProfiles(sd_event* event, BusKind bus, Patience patience)
    : event_{event}, kind_{bus}, patience_{patience}
{}

void PowerProfiles::want(bool wanted)
{
    const auto before = std::exchange(wanted_, wanted);
    if (!wanted) {
        bus_.reset(); // which ends the hold
        hold_ = {};
        told_ = {};
        return;
    }
    const auto lost = bus_ != nullptr && sd_bus_is_open(bus_.get()) <= 0;
    const auto again =
        hold_.state == PowerHold::State::refused && Clock::now() - asked_at_ >= patience_.again;
    if (!before || lost || again) {
        begin();
    }
}

void PowerProfiles::begin()
{
    asked_at_ = Clock::now();
    name_ = 0;
    owner_.clear();
    if (bus_ == nullptr || sd_bus_is_open(bus_.get()) <= 0) {
        if (const auto failed = open(); failed < 0) {
            bus_.reset();
            take_state(refused(std::strerror(-failed)));
            return;
        }
    }
    ask();
}

int PowerProfiles::open()
{
    sd_bus* bus = nullptr;
    const auto opened =
        kind_ == BusKind::system ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);
    if (opened < 0) {
        return opened;
    }
    bus_.reset(bus);
    const auto attached = sd_bus_attach_event(bus, event_, SD_EVENT_PRIORITY_NORMAL);
    return attached < 0 ? attached : watch();
}

// Whoever provides the service comes and goes; the service says when it takes the hold back.
int PowerProfiles::watch()
{
    for (const auto& service : services) {
        const std::string name{service.name};
        const auto owner = "type='signal',sender='" + std::string{driver_name} + "',interface='" +
                           driver_name + "',member='NameOwnerChanged',arg0='" + name + "'";
        const auto released =
            "type='signal',sender='" + name + "',interface='" + name + "',member='ProfileReleased'";
        for (const auto& [rule, callback] :
             {std::pair{owner, &on_owner}, std::pair{released, &on_released}}) {
            const auto added =
                sd_bus_add_match_async(bus_.get(), nullptr, rule.c_str(), callback, nullptr, this);
            if (added < 0) {
                return added;
            }
        }
    }
    return 0;
}

void PowerProfiles::ask()
{
    hold_ = {.state = PowerHold::State::asked, .why = {}};
    const auto& service = services.at(name_);
    sd_bus_message* raw = nullptr;
    auto made = sd_bus_message_new_method_call(bus_.get(), &raw, service.name, service.path,
                                               service.name, "HoldProfile");
    const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> call{
        raw, &sd_bus_message_unref};
    if (made >= 0) {
        made = sd_bus_message_append(raw, "sss", "performance",
                                     "a virtual machine with CPUs of its own runs", bus_name);
    }
    if (made >= 0) {
        const auto patience = std::chrono::microseconds{patience_.answer}.count();
        made = sd_bus_call_async(bus_.get(), nullptr, raw, &on_answer, this,
                                 static_cast<std::uint64_t>(patience));
    }
    if (made < 0) {
        take_state(refused(std::strerror(-made)));
    }
}

int PowerProfiles::on_answer(sd_bus_message* answer, void* self, sd_bus_error* /*error*/) noexcept
{
    contained([&] { static_cast<PowerProfiles*>(self)->take_answer(answer); });
    return 1;
}

void PowerProfiles::take_answer(sd_bus_message* answer)
{
    if (const auto* const error = sd_bus_message_get_error(answer); error != nullptr) {
        if (is_nobody(*error) && name_ + 1 < services.size()) {
            ++name_;
            ask();
            return;
        }
        take_state(refused(error->message != nullptr ? error->message : "no reason"));
        return;
    }
    if (sd_bus_message_read_basic(answer, 'u', &cookie_) <= 0) {
        take_state(refused("its answer has no cookie"));
        return;
    }
    owner_ = sender_of(answer);
    take_state({.state = PowerHold::State::held, .why = {}});
}

int PowerProfiles::on_owner(sd_bus_message* signal, void* self, sd_bus_error* /*error*/) noexcept
{
    contained([&] {
        auto& power = *static_cast<PowerProfiles*>(self);
        const char *name = nullptr, *before = nullptr, *now = nullptr;
        if (sd_bus_message_read(signal, "sss", &name, &before, &now) <= 0) {
            return;
        }
        const auto held = power.hold_.state == PowerHold::State::held ||
                          power.hold_.state == PowerHold::State::yielded;
        if (held && power.owner_ == before) {
            power.take_state(refused("power-profiles-daemon has ended"));
        }
        // A new service holds nothing; while it is being asked, that is how it came.
        if (*now != '\0' && power.owner_ != now && power.hold_.state != PowerHold::State::asked) {
            power.begin();
        }
    });
    return 0;
}

int PowerProfiles::on_released(sd_bus_message* signal, void* self, sd_bus_error* /*error*/) noexcept
{
    contained([&] {
        auto& power = *static_cast<PowerProfiles*>(self);
        std::uint32_t cookie = 0;
        if (sd_bus_message_read_basic(signal, 'u', &cookie) > 0 && cookie == power.cookie_ &&
            power.hold_.state == PowerHold::State::held && sender_of(signal) == power.owner_) {
            power.take_state({.state = PowerHold::State::yielded, .why = {}});
        }
    });
    return 0;
}

void PowerProfiles::take_state(PowerHold hold)
{
    hold_ = std::move(hold);
    if (hold_ == told_) {
        return;
    }
    told_ = hold_;
    if (hold_.state == PowerHold::State::held) {
        log_info("the host's power profile is held at \"performance\"");
    } else if (hold_.state == PowerHold::State::yielded) {
        log_info("somebody chose another power profile: \"performance\" is not held any more");
    } else {
        log_info("the host's power profile is not held at \"performance\": {}", hold_.why);
    }
    if (changed_) {
        changed_();
    }
}

} // namespace virtpind::bus
