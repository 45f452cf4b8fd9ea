// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of the service's answers. What is missing or of another type is empty; texts become
// printable. For the readers in this room only.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace virtpind::client {

using Json = nlohmann::json;

[[nodiscard]] Error unreadable_answer();
[[nodiscard]] Result<Json> parsed_object(std::string_view text);

// nullptr: there is none.
[[nodiscard]] const Json* member(const Json& json, const char* key);
[[nodiscard]] std::string text_of(const Json& json);
[[nodiscard]] std::string text_in(const Json& json, const char* key);
[[nodiscard]] bool flag_in(const Json& json, const char* key, bool otherwise);
[[nodiscard]] std::uint64_t number_in(const Json& json, const char* key);
[[nodiscard]] CpuSet cpus_of(const Json& json);
[[nodiscard]] CpuSet cpus_in(const Json& json, const char* key);
// A policy's option as NAME=VALUE has it: "true", "4", "topoext,invtsc".
[[nodiscard]] std::string option_text(const Json& value);
// The elements of an array, or nothing.
[[nodiscard]] const Json& list_in(const Json& json, const char* key);

} // namespace virtpind::client
