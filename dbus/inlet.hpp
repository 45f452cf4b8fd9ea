// SPDX-License-Identifier: LGPL-2.1-or-later
// Looks at the messages in the socket of the bus before libsystemd reads them: libsystemd takes a
// whole message into memory whatever its size (the bus allows 32 MiB). Messages that are too large
// are discarded in pieces, and their callers are told; unwanted messages are discarded many at a
// time. Main thread.
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

    // The descriptor and the bus must outlive this. If the socket cannot report its read position
    // (every socket of a bus can), all messages are let in.
    Inlet(sd_bus* bus, int fd, Unwanted unwanted);

    // Tells what to do next; discards a piece. Call it before libsystemd reads.
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
    // The bytes kept of a message that is too large, to find its caller.
    static constexpr std::size_t begin_bytes = 4096;

    sd_bus* bus_;
    int fd_;
    Unwanted unwanted_;
    bool watches_ = false;
    std::uint64_t left_ = 0; // bytes to discard
    bool tells_ = false;     // the bytes are one message that is too large
    std::string begin_;      // of that message
    std::string piece_;
};

} // namespace virtpind::bus
