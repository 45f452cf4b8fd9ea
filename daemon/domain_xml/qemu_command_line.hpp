// SPDX-License-Identifier: LGPL-2.1-or-later
// The arguments that a definition has for QEMU, taken apart as QEMU does it: one dash or two, the
// value is the next argument ("-cpu=host" starts no guest), settings between commas, the last one
// of a key wins. There is no @file. Pure.
#pragma once

#include <pugixml.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// Those LOCAL elements in QEMU's namespace that are in a PARENT of it, whatever its prefix is.
[[nodiscard]] std::vector<pugi::xml_node>
qemu_elements(const pugi::xml_node& domain, std::string_view parent, std::string_view local);

// "-OPTION VALUE", the option without its dashes; "M" is "machine".
struct QemuArgument {
    std::string option;
    std::string value;
};

// All whose option is one of `options`: of others nobody here knows whether they have a value.
[[nodiscard]] std::vector<QemuArgument>
qemu_arguments(const pugi::xml_node& domain, const std::vector<std::string_view>& options);

// "a,b=c,,d" as "a" and "b=c,d".
[[nodiscard]] std::vector<std::string> settings_of(std::string_view value);

// The value of KEY; without one, the first setting is that of `implied`.
[[nodiscard]] std::string setting(const std::vector<std::string>& settings, std::string_view key,
                                  std::string_view implied);

// As much of what came from outside as is shown, at most 128 bytes.
[[nodiscard]] std::string shown_part(std::string text);

} // namespace virtpind
