// SPDX-License-Identifier: LGPL-2.1-or-later
// Text to Config. Strict: comments are allowed, but unknown keys, duplicate keys, wrong types and
// trailing text are errors "FILE:LINE: path.to.key: what; the valid values; next step".
#pragma once

#include "common/base/result.hpp"
#include "config.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// Limits of every JSON text from outside.
inline constexpr std::size_t config_bytes_max = std::size_t{256} * 1024;
inline constexpr unsigned json_depth_max = 32;

// `source` names the text in errors ("/etc/virtpind/virtpind.json").
struct ConfigText {
    std::string text;
    std::string source;
};

// One configuration from several texts. What a later one says takes the place of what those before
// it say: each value by itself, of "policies" and "domains" each key by itself. Any of them may
// name policies of any other. Error: invalid_config.
[[nodiscard]] Result<Config> parse_config(const std::vector<ConfigText>& texts);

// The same from one.
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view source);

} // namespace virtpind
