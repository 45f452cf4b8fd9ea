// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a before-image: what is accepted is written and read back as the same.
#include "daemon/state/original_state_json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    const std::string text{data, data + size};
    const auto image = parse_before_image(text, "fuzz.json");
    if (!image) {
        return image.error().message.starts_with("fuzz.json") ? 0 : (std::abort(), 0);
    }
    const auto written = format_before_image(*image);
    const auto again = parse_before_image(written, "fuzz.json");
    if (!again || again->uuid != image->uuid || again->live != image->live ||
        again->config != image->config || format_before_image(*again) != written) {
        std::abort();
    }
    return 0;
}
