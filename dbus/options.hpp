// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy options as they travel: a{sv} <-> OptionMap.
#pragma once

#include "common/policy.hpp"
#include "common/result.hpp"
#include "dbus/sdbus_compat.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace virtpind::bus {

using VariantMap = std::map<std::string, sdbus::Variant>;

// Bounds of what one call may carry.
inline constexpr std::size_t options_max = 32;
inline constexpr std::size_t list_items_max = 32;
inline constexpr std::size_t text_bytes_max = 4096;
inline constexpr std::size_t options_bytes_max = 16384; // of all texts of a call; they wait with it

struct ParsedOptions {
    OptionMap options; // of the right types; unknown names and values are left to the policy code
    std::optional<std::uint64_t> expect_generation; // compare-and-set; not a policy option
};

// Errors: invalid_argument (a type), limits_exceeded.
[[nodiscard]] Result<ParsedOptions> parse_options(const VariantMap& raw);

[[nodiscard]] VariantMap to_variants(const OptionMap& options);

} // namespace virtpind::bus
