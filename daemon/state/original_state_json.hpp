// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images as JSON text. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/original_state.hpp"

#include <string>
#include <string_view>

namespace virtpind {

inline constexpr std::size_t before_image_bytes_max = 1024 * 1024;

// Shape: {"version":2,"uuid":"...","name":"...","id":3,"boot-id":"...","live":PINS,"config":PINS,
// "vcpus-max":4,"parts":PARTS,"written":[PARTS,...]} with PARTS
// {"cpu@mode":"host-passthrough","cputune/vcpupin:0":"6"}, the parts of the definition by name as
// they were, and as virtpind wrote them, and PINS
// {"vcpus":{"0":"6"},"emulator":"0","iothreads":{"1":"0"},"iothreads-listed":false,
// "vcpu-cpuset":"0-3","numatune":{"mode":"strict","nodes":"0","cells":{"0":"0"},
// "xml":"<numatune>..."}}; what is absent was absent.
[[nodiscard]] std::string format_before_image(const BeforeImage& image);
// Errors, with `source` and the line: unsupported, it is of a later version; invalid_config. A
// later version keeps to before_image_bytes_max, and nests at most 32 deep.
[[nodiscard]] Result<BeforeImage> parse_before_image(std::string_view text,
                                                     std::string_view source);

} // namespace virtpind
