// SPDX-License-Identifier: LGPL-2.1-or-later
#include "verb_table.hpp"

#include <algorithm>

namespace virtpind::client {

const std::vector<VerbInfo>& verb_table()
{
    static const std::vector<VerbInfo> table{
        {Verb::status, "status", "the service and its guests at a glance (default)", false},
        {Verb::list, "list", "the guests, as a table", false},
        {Verb::show, "show", "everything about guests", true},
        {Verb::map, "map", "the host's cores, and who is on them", true},
        {Verb::explain, "explain", "why guests are where they are", true},
        {Verb::plan, "plan", "what set would do, without doing it", true},
        {Verb::set, "set", "give a guest a policy, options, or both", true},
        {Verb::reset, "reset", "take policy and pins back (alias: undo)", true},
        {Verb::apply, "apply", "observe, plan and pin now", true},
        {Verb::reload, "reload", "read the configuration again", false},
        {Verb::hold, "hold", "leave guests alone while a command runs, or until Ctrl-C", true},
        {Verb::watch, "watch", "print changes as they happen", true},
        {Verb::top, "top", "the map, again and again, with how long vCPUs wait for a CPU", true},
        {Verb::doctor, "doctor", "look for mistakes, and how to mend them", true},
        {Verb::policies, "policies", "the policies, and the options that they take", false},
        {Verb::export_topology, "export", "the host as hwloc XML for lstopo, with its guests",
         false},
        {Verb::log, "log", "the journal of the service, or of guests", true},
        {Verb::metrics, "metrics", "figures for Prometheus", false},
        {Verb::complete, "complete", "", false},
    };
    return table;
}

const VerbInfo& info_of(Verb verb)
{
    const auto& table = verb_table();
    return *std::find_if(table.begin(), table.end(),
                         [verb](const VerbInfo& row) { return row.verb == verb; });
}

const VerbInfo* find_verb(std::string_view word)
{
    const auto& table = verb_table();
    const auto at = std::find_if(table.begin(), table.end(), [word](const VerbInfo& row) {
        return row.name == (word == "undo" ? "reset" : word);
    });
    return at != table.end() ? &*at : nullptr;
}

} // namespace virtpind::client
