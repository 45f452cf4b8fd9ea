// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as configuration: a Config or an error, and what is accepted resolves.
#include "common/model/config_json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    const std::string text{data, data + size};
    const auto config = parse_config(text, "fuzz.json");
    if (!config) {
        return config.error().code == Errc::invalid_config ? 0 : (std::abort(), 0);
    }
    for (const auto& name : config->catalog.names()) {
        const auto spec = make_policy_spec(config->catalog, name, {}, PolicyName::required);
        if (!spec) {
            std::abort();
        }
    }
    return 0;
}
