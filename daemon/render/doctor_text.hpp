// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor found, for people: per guest, the host last, with a calm ending. Pure.
#pragma once

#include "common/model/finding.hpp"
#include "common/model/topology.hpp"

#include <cstddef>
#include <string>

namespace virtpind {

struct TextStyle {
    std::size_t width = 80;
    bool utf8 = false;    // signs beyond ASCII
    bool colours = false; // a terminal's
};

// Ends with a newline.
[[nodiscard]] std::string diagnosis_to_text(const Diagnosis& diagnosis, const Topology& topology,
                                            const TextStyle& style);

// What a check is about, of --explain.
[[nodiscard]] std::string check_to_text(const CheckInfo& check, const TextStyle& style);

} // namespace virtpind
