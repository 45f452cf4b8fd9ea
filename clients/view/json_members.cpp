// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json_members.hpp"

#include "common/base/printable.hpp"

namespace virtpind::client {

namespace {

constexpr std::size_t text_max = 4096;

} // namespace

std::string text_of(const Json& json)
{
    return json.is_string() ? printable(json.get_ref<const std::string&>(), text_max) : "";
}

Error unreadable_answer()
{
    return {.code = Errc::internal,
            .message = "the service's answer is not what this virtpinctl understands; are both of "
                       "one version? "
                       "See virtpinctl --version and virtpinctl status"};
}

const Json* member(const Json& json, const char* key)
{
    if (!json.is_object()) {
        return nullptr;
    }
    const auto at = json.find(key);
    return at != json.end() ? &*at : nullptr;
}

std::string text_in(const Json& json, const char* key)
{
    const auto* found = member(json, key);
    return found != nullptr && found->is_string()
               ? printable(found->get_ref<const std::string&>(), text_max)
               : "";
}

bool flag_in(const Json& json, const char* key, bool otherwise)
{
    const auto* found = member(json, key);
    return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::uint64_t number_in(const Json& json, const char* key)
{
    const auto* found = member(json, key);
    return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

CpuSet cpus_of(const Json& json)
{
    if (!json.is_string()) {
        return {};
    }
    auto cpus = CpuSet::parse(json.get_ref<const std::string&>());
    return cpus ? *cpus : CpuSet{};
}

CpuSet cpus_in(const Json& json, const char* key)
{
    const auto* found = member(json, key);
    return found != nullptr ? cpus_of(*found) : CpuSet{};
}

std::string option_text(const Json& value)
{
    if (value.is_boolean()) {
        return value.get<bool>() ? "true" : "false";
    }
    if (value.is_number_integer()) {
        return std::to_string(value.get<std::int64_t>());
    }
    std::string text = text_of(value);
    for (const auto& word : value.is_array() ? value : Json::array()) {
        text += (text.empty() ? "" : ",") + text_of(word);
    }
    return text;
}

// The elements of an array, or nothing.
const Json& list_in(const Json& json, const char* key)
{
    static const auto none = Json::array();
    const auto* found = member(json, key);
    return found != nullptr && found->is_array() ? *found : none;
}

Result<Json> parsed_object(std::string_view text)
{
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return unreadable_answer();
    }
    return json;
}

} // namespace virtpind::client
