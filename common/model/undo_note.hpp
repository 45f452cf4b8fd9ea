// SPDX-License-Identifier: LGPL-2.1-or-later
// The note in a domain's own metadata of its state before virtpind changed it: the part of the
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
    std::string before;            // as DefinitionParts has it; "" if absent
    std::vector<std::string> ours; // values that virtpind wrote: any may be in force

    friend bool operator==(const NotedPart&, const NotedPart&) = default;
};

// Only parts that virtpind has changed, by the names of DefinitionParts.
struct UndoNote {
    std::map<std::string, NotedPart> parts;
    std::string numatune_xml; // of part "numatune": the original element, for a lossless reset

    [[nodiscard]] bool empty() const { return parts.empty(); }

    friend bool operator==(const UndoNote&, const UndoNote&) = default;

    // The limit of all texts of a written note, without parts that do not fit; and of a note that
    // is read.
    static constexpr std::size_t bytes_max = std::size_t{64} * 1024;
    static constexpr std::size_t read_bytes_max = 2 * bytes_max;
    static constexpr std::size_t ours_max = 4;
};

// Equal parts share one line: "cputune/vcpupin:0-3".
struct NoteLine {
    std::string name;
    std::string before;
    std::string ours;
};

[[nodiscard]] std::vector<NoteLine> lines_of(const UndoNote& note);

} // namespace virtpind
