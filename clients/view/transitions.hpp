// SPDX-License-Identifier: LGPL-2.1-or-later
// What changed between two moments, in lines for people. Pure.
#pragma once

#include "facts.hpp"
#include "look.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

// One line without newline for each change: policies first, then what became of them.
[[nodiscard]] std::vector<std::string> transitions(const Snapshot& before, const Snapshot& after,
                                                   const Look& look);

// The guests other than `uuid` that no longer have what they had before: "build: floats on 0,16
// (was 1-6)".
[[nodiscard]] std::vector<std::string> displaced(const Snapshot& before, const Snapshot& after,
                                                 const std::string& uuid);

} // namespace virtpind::client
