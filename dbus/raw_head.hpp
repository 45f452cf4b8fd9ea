// SPDX-License-Identifier: LGPL-2.1-or-later
// The head of a D-Bus message as bytes, before libsystemd reads it: how long the message is, what
// it is and who sent it. Pure. Bytes that are no message have some head, which says nothing of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace virtpind::bus {

// Of a whole message, in bytes. Header fields of an honest one are some 300; and no call that keeps
// the bounds of its arguments (options.hpp) has a larger body.
inline constexpr std::uint32_t header_fields_max = 2048;
inline constexpr std::uint32_t body_max = 40 * 1024;

// What its first bytes say.
struct MessageSize {
    static constexpr std::size_t head_bytes = 16;

    std::uint32_t fields = 0;
    std::uint32_t body = 0;
    std::uint64_t all = 0;

    [[nodiscard]] bool too_large() const { return fields > header_fields_max || body > body_max; }

    // Precondition: `begin` has head_bytes.
    [[nodiscard]] static MessageSize read(std::string_view begin);
};

// The rest of the head, which refers to the bytes it was read from.
struct RawHead {
    bool is_call = false;
    bool is_signal = false;
    bool expects_answer = false;
    std::uint32_t serial = 0;
    std::string_view sender; // these are empty when they are not there
    std::string_view interface;
    std::string_view member;

    // As far as `begin` goes, which has head_bytes.
    [[nodiscard]] static RawHead read(std::string_view begin);
};

} // namespace virtpind::bus
