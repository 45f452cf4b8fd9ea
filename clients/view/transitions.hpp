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

// Another guest than the one that was changed, and what became of it: "build is displaced: floats
// on 0,16 (was 1-6)".
struct MovedGuest {
    Mark mark = Mark::good;
    std::string text;
};

// The guests other than `uuid` that are elsewhere than before, or no longer as asked.
[[nodiscard]] std::vector<MovedGuest> moved_guests(const Snapshot& before, const Snapshot& after,
                                                   const std::string& uuid);

} // namespace virtpind::client
