// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain's own metadata says of how it was before virtpind touched it: the part of the
// before-image that travels with the domain, by migration, save, snapshot and backup. There is one
// in the definition and one in the running domain, each about its own side. Plain values.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

struct NotedPart {
    std::string before;            // as DefinitionParts has it; "" for what was not there
    std::vector<std::string> ours; // what virtpind wrote in its place: either may be in force

    friend bool operator==(const NotedPart&, const NotedPart&) = default;
};

// Only parts that virtpind has changed, by the names of DefinitionParts.
struct UndoNote {
    std::map<std::string, NotedPart> parts;
    std::string numatune_xml; // of part "numatune": the element as it was, so that nothing is lost

    [[nodiscard]] bool empty() const { return parts.empty(); }

    friend bool operator==(const UndoNote&, const UndoNote&) = default;

    // Of texts, all in all, where one is written; parts that do not fit are left out. And of one
    // that is read.
    static constexpr std::size_t bytes_max = std::size_t{64} * 1024;
    static constexpr std::size_t read_bytes_max = 2 * bytes_max;
    static constexpr std::size_t ours_max = 4;
};

// Parts that say the same share one line: "cputune/vcpupin:0-3".
struct NoteLine {
    std::string name;
    std::string before;
    std::string ours;
};

[[nodiscard]] std::vector<NoteLine> lines_of(const UndoNote& note);

} // namespace virtpind
