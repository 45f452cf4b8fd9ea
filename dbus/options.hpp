// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy options as they travel: a{sv} <-> OptionMap.
#pragma once

#include "common/base/result.hpp"
#include "common/model/policy.hpp"
#include "dbus/argument_limits.hpp"
#include "dbus/sdbus_compat.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace virtpind::bus {

using VariantMap = std::map<std::string, sdbus::Variant>;

struct ParsedOptions {
    OptionMap options; // of the right types; unknown names and values are left to the policy code
    std::optional<std::uint64_t> expect_generation; // compare-and-set; not a policy option
};

// The D-Bus types that options may have, including expect-generation: b, s, as, all integers.
[[nodiscard]] bool is_option_type(std::string_view signature);
// Errors that several checks report: a wrong type, and a list of too many bytes.
[[nodiscard]] Error no_option_type(const std::string& name, const std::string& signature);
[[nodiscard]] Error list_too_large(const std::string& name);

// What the empty string is for an option that has no such value: with MERGE, it takes it away.
enum class EmptyText { is_a_value, takes_away };

// Numbers may have any integer type, and everything may be a string, as --option of
// virtpind-plan(1) has it. Errors: invalid_argument (a type), invalid_policy (a value of an option
// that is known), limits_exceeded.
[[nodiscard]] Result<ParsedOptions> parse_options(const VariantMap& raw,
                                                  EmptyText empty = EmptyText::is_a_value);

// The same of the two methods that plan. Error: also invalid_argument, of expect-generation.
[[nodiscard]] Result<OptionMap> parse_plan_options(const VariantMap& raw,
                                                   EmptyText empty = EmptyText::is_a_value);

// Takes the key "merge" (b) out of the options of Plan; false: it is not there. Error:
// invalid_argument, of another type.
[[nodiscard]] Result<bool> take_merge(VariantMap& raw);

[[nodiscard]] VariantMap to_variants(const OptionMap& options);

} // namespace virtpind::bus
