// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/arguments.hpp"

#include "common/model/control_port.hpp"

#include <array>
#include <charconv>

namespace virtpind::bus {

namespace {

std::string hex(std::uint64_t number)
{
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), number, 16).ptr;
    return "0x" + std::string{digits.begin(), end};
}

std::string flags_help(std::uint64_t known)
{
    std::string help;
    const auto add = [&help, known](std::uint64_t flag, std::string_view name) {
        if ((known & flag) != 0) {
            help += (help.empty() ? "" : ", ") + hex(flag) + " (" + std::string{name} + ")";
        }
    };
    add(flag_runtime_only, "RUNTIME_ONLY");
    add(flag_defer, "DEFER");
    add(flag_merge, "MERGE");
    add(flag_while_connected, "WHILE_CONNECTED");
    return help.empty() ? "this method has no flags: pass 0" : "valid: " + help;
}

} // namespace

std::size_t bytes_max_of(std::string_view name)
{
    return name == "xml" ? xml_bytes_max : text_bytes_max;
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t bytes_max)
{
    if (text.size() > bytes_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::string{what} + " is " + std::to_string(text.size()) +
                                " bytes long; at most " + std::to_string(bytes_max) +
                                " are accepted"};
    }
    return {};
}

Result<void> check_flags(std::uint64_t flags, std::uint64_t known)
{
    if (const auto unknown = flags & ~known; unknown != 0) {
        return Error{.code = Errc::invalid_argument,
                     .message = "flags " + hex(flags) + " have unknown bits " + hex(unknown) +
                                "; " + flags_help(known)};
    }
    return {};
}

} // namespace virtpind::bus
