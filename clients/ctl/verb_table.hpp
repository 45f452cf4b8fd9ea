// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs of virtpinctl, as help and completion show them.
#pragma once

#include <string_view>
#include <vector>

namespace virtpind::client {

enum class Verb {
    status,
    list,
    show,
    map,
    explain,
    plan,
    set,
    reset,
    apply,
    reload,
    hold,
    watch,
    top,
    doctor,
    policies,
    export_topology,
    log,
    metrics,
    complete, // for the completion of shells, not shown in help
};

struct VerbInfo {
    Verb verb;
    std::string_view name;
    std::string_view summary;
    bool takes_guest; // its first arguments are guests
};

[[nodiscard]] const std::vector<VerbInfo>& verb_table();

[[nodiscard]] const VerbInfo& info_of(Verb verb);

// By its name, or "undo"; nullptr: there is none.
[[nodiscard]] const VerbInfo* find_verb(std::string_view word);

} // namespace virtpind::client
