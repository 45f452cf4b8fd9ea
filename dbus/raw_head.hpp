// SPDX-License-Identifier: LGPL-2.1-or-later
// The header of a D-Bus message as bytes, before libsystemd reads it: length, type and
// sender of the message. Pure. Bytes that are no message give some header without
// meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace virtpind::bus {

// Limits in bytes. The header fields of an honest message are about 300; every call within the
// bounds of its arguments (options.hpp) has a smaller body.
inline constexpr std::uint32_t header_fields_max = 2048;
inline constexpr std::uint32_t body_max = 40 * 1024;
inline constexpr std::uint32_t body_with_xml_max = 1024 * 1024 + body_max;

// The sizes in its first bytes.
struct MessageSize {
    static constexpr std::size_t head_bytes = 16;

    std::uint32_t fields = 0;
    std::uint32_t body = 0;
    std::uint64_t all = 0;

    [[nodiscard]] bool too_large(std::uint32_t most = body_max) const
    {
        return fields > header_fields_max || body > most;
    }

    // Precondition: `begin` has head_bytes.
    [[nodiscard]] static MessageSize read(std::string_view begin);
};

// The rest of the header. It refers to the bytes it was read from.
struct RawHead {
    bool is_call = false;
    bool is_signal = false;
    bool expects_answer = false;
    std::uint32_t serial = 0;
    std::string_view sender; // fields that are absent are empty
    std::string_view interface;
    std::string_view member;

    // Of the arguments of this call: a definition is longer than others.
    [[nodiscard]] std::uint32_t body_max_of() const;

    // Reads as far as `begin` goes, which has at least head_bytes.
    [[nodiscard]] static RawHead read(std::string_view begin);
};

} // namespace virtpind::bus
