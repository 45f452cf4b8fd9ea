// SPDX-License-Identifier: LGPL-2.1-or-later
// Looks at the messages in the socket of the bus before libsystemd reads them, which takes a whole
// message into memory whatever its size (the bus lets 32 MiB pass) and some microseconds for each.
// What is too large is thrown away in pieces, and its caller told; what nobody wants is thrown away
// as many as there are at a time. Main thread.
#pragma once

#include "dbus/raw_head.hpp"

#include <systemd/sd-bus.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace virtpind::bus {

class Inlet {
public:
    enum class Next {
        nothing,       // nothing is there; libsystemd must not read
        message,       // libsystemd may read one message, or what there is of one, or find the end
        throwing_away, // there may be more; libsystemd must not read
    };

    using Unwanted = std::function<bool(const RawHead&)>; // must not throw

    // The descriptor and the bus must outlive this. Where the socket cannot say how far it was read
    // (none of the kind that a bus listens on), everything is let in.
    Inlet(sd_bus* bus, int fd, Unwanted unwanted);

    // What is next; throws away a piece. To be asked before libsystemd reads anything.
    [[nodiscard]] Next look();

private:
    void put_mark(std::uint64_t offset);
    [[nodiscard]] int mark() const;
    [[nodiscard]] Next look_ahead();
    [[nodiscard]] std::uint64_t unwanted_at_begin(std::string_view bytes) const;
    [[nodiscard]] std::uint64_t wanted_at_begin(std::string_view bytes) const;
    [[nodiscard]] Next throw_away();
    void tell_sender() const;

    static constexpr std::size_t piece_bytes = 64 * 1024;
    // What is looked at of what is too large, to find whom to tell.
    static constexpr std::size_t begin_bytes = 4096;

    sd_bus* bus_;
    int fd_;
    Unwanted unwanted_;
    bool watches_ = false;
    std::uint64_t left_ = 0; // bytes to throw away
    bool tells_ = false;     // of those: they are one message that is too large
    std::string begin_;      // of that message
    std::string piece_;
};

} // namespace virtpind::bus
