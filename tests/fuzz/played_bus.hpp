// SPDX-License-Identifier: LGPL-2.1-or-later
// A bus that is no bus: the service connects to a socket of ours, and what a bus would say to it is
// said here, on the thread of the service but for the greeting. There is no process in between, and
// nobody who refuses what is malformed. Fast: some thousand messages a second under sanitizers.
#pragma once

#include "dbus/service.hpp"

#include <systemd/sd-event.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::fuzz {

class PlayedBus {
public:
    struct Parts {
        std::uint8_t type = 1;
        std::uint8_t flags = 0;
        std::uint32_t serial = 1;
        std::uint32_t answers = 1; // only of answers
        std::string_view path;
        std::string_view interface;
        std::string_view member;
        std::string_view sender;
        std::string_view signature;
        std::string_view body;
    };

    // As bytes; the parts need not fit together.
    [[nodiscard]] static std::string message(const Parts& parts);

    // Starts the service with one domain. Aborts when that fails.
    PlayedBus();
    ~PlayedBus();
    PlayedBus(const PlayedBus&) = delete;
    PlayedBus& operator=(const PlayedBus&) = delete;

    // To the service, as it can take them; it works meanwhile.
    void send(std::string_view bytes);

    // Whether a Ping is answered, within seconds.
    [[nodiscard]] bool answers();

    // Whether the service is still connected, and reads whole messages.
    [[nodiscard]] bool is_sound() const { return sound_; }

    // What was sent last may end anywhere.
    void give_up() { sound_ = false; }

private:
    void greet(int listener);
    void work(std::uint64_t at_most_usec);
    bool hear();
    void answer(std::string_view heard);

    std::unique_ptr<ControlPort> port_;
    sd_event* event_ = nullptr;
    std::unique_ptr<bus::Service> service_;
    int socket_ = -1;
    bool sound_ = true;
    std::string heard_; // of the service, not yet a whole message
    std::uint32_t serial_ = 1'000'000;
    std::uint32_t waits_for_ = 0;
    std::uint32_t pings_ = 0;
};

} // namespace virtpind::fuzz
