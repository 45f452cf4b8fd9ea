// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tune_conflicts.hpp"

#include "common/model/policy.hpp"

#include <map>
#include <string>
#include <utility>

namespace virtpind {

namespace {

// `arguments` say why.
void leave_out(TunesToDecide& decided, const std::set<Tune>& tunes, ReasonArguments arguments)
{
    NameList names;
    for (const auto tune : tunes) {
        if (decided.tunes.erase(tune) != 0) {
            names.emplace_back(to_string(tune));
        }
    }
    if (!names.empty()) {
        arguments.push_back({"tunes", std::move(names)});
        decided.reasons.push_back({ReasonCode::tune_refused, std::move(arguments)});
    }
}

} // namespace

TunesToDecide tunes_to_decide(const std::set<Tune>& asked, const CpuDefinition& now)
{
    TunesToDecide decided{.tunes = asked, .reasons = {}};
    std::map<std::string, std::set<Tune>> overridden;
    for (const auto& [tune, argument] : now.overrides.tunes) {
        overridden[argument].insert(tune);
    }
    for (const auto& [argument, tunes] : overridden) {
        leave_out(decided, tunes,
                  {{"why", ReasonPhrase::argument_overrides}, {"argument", argument}});
    }
    leave_out(decided, now.opposed, {{"why", ReasonPhrase::definition_opposes}});
    if (!now.model.empty()) {
        leave_out(decided, {Tune::cache_passthrough, Tune::no_migrate},
                  {{"why", ReasonPhrase::model_named}, {"model", now.model}});
    }
    return decided;
}

} // namespace virtpind
