// SPDX-License-Identifier: LGPL-2.1-or-later
// The options that a policy may have: one table, from which parsing, error texts, the
// configuration, the bus, metadata and manual pages are made. Pure.
#pragma once

#include "common/base/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace virtpind {

// One option value as it travels: D-Bus b, i, u, s, as. A boolean option may have other words
// beside true and false ("auto"), which travel as strings.
using OptionValue =
    std::variant<bool, std::int32_t, std::uint32_t, std::string, std::vector<std::string>>;
using OptionMap = std::map<std::string, OptionValue, std::less<>>;

enum class OptionType { boolean, int32, uint32, string, string_list };

struct OptionInfo {
    std::string_view name;
    OptionType type;
    std::string_view signature;           // D-Bus: "b" "i" "u" "s" "as"
    std::vector<std::string_view> values; // valid words, default first; empty: free form
    std::string_view free_form;    // "cpulist", "vcpulist", "number", or empty; allowed beside
                                   // `values`
    std::string_view default_text; // as shown in help
    std::string_view meaning;      // one sentence
};

[[nodiscard]] const std::vector<OptionInfo>& option_table();
[[nodiscard]] const OptionInfo* find_option(std::string_view name);
[[nodiscard]] std::vector<std::string_view> option_names(); // in the table's order

// The value in canonical form (cpulists and lists sorted, without repetition), or why it is
// invalid. Limits: strings 4096 bytes, lists 32 items, `vcpus` 16384. Error:
// invalid_policy.
[[nodiscard]] Result<OptionValue> checked_option(const OptionInfo& option, OptionValue value);

// The text form of a value as in metadata attributes ("true", "5", "a,b") and back.
[[nodiscard]] std::string option_text(const OptionValue& value);
[[nodiscard]] Result<OptionValue> parse_option_text(const OptionInfo& option,
                                                    std::string_view text);

} // namespace virtpind
