// SPDX-License-Identifier: LGPL-2.1-or-later
// What may stand next on a command line, for the completion of shells: one place for all of them.
// Pure.
#pragma once

#include "arguments.hpp"
#include "clients/view/facts.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

struct Candidate {
    std::string text;
    std::string meaning; // may be empty
    friend bool operator==(const Candidate&, const Candidate&) = default;
};

// A word that stands for names of files, which shells complete themselves.
inline constexpr auto files_candidate = ":files";

// `words` are those behind "virtpinctl"; the last one is unfinished, and may be empty. Only what
// begins with it is offered. `snapshot` is empty where no service answers.
[[nodiscard]] std::vector<Candidate> complete(const std::vector<std::string>& words,
                                              const Snapshot& snapshot);

// Whether guests or policies may stand next, for which the service must be asked.
[[nodiscard]] bool needs_service(const std::vector<std::string>& words);

// The service that the command line means, as far as it is written.
[[nodiscard]] Target completed_target(const std::vector<std::string>& words);

// "TEXT\tMEANING" in a line each.
[[nodiscard]] std::string candidates_text(const std::vector<Candidate>& candidates);

} // namespace virtpind::client
