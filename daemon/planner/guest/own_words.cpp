// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_words.hpp"

#include "common/base/messages.hpp"
#include "common/model/policy.hpp"

#include <map>
#include <vector>

namespace virtpind {

namespace {

void leave_out(TunesToDecide& decided, const std::set<Tune>& tunes, const std::string& why)
{
    std::vector<std::string> names;
    for (const auto tune : tunes) {
        if (decided.tunes.erase(tune) != 0) {
            names.emplace_back(to_string(tune));
        }
    }
    if (!names.empty()) {
        decided.reasons.push_back(
            {.code = ReasonCode::tune_refused,
             .text = listed(names) + pluralize(names.size(), " is", " are") + " left out: " + why});
    }
}

} // namespace

std::string holds_against(const std::string& argument, const std::string& what)
{
    return argument + " in the QEMU command line of the definition holds against " + what + ".";
}

TunesToDecide tunes_to_decide(const std::set<Tune>& asked, const CpuDefinition& now)
{
    TunesToDecide decided{.tunes = asked, .reasons = {}};
    std::map<std::string, std::set<Tune>> overridden;
    for (const auto& [tune, argument] : now.overrides.tunes) {
        overridden[argument].insert(tune);
    }
    for (const auto& [argument, tunes] : overridden) {
        leave_out(decided, tunes, holds_against(argument, "what would be written"));
    }
    leave_out(decided, now.opposed,
              "the definition says the contrary in so many words, and that stays.");
    if (!now.model.empty()) {
        leave_out(decided, {Tune::cache_passthrough, Tune::no_migrate},
                  "that needs the host's own CPU, and the definition names the model " + now.model +
                      ", which stays; with <cpu mode='host-passthrough'/> instead, it can be had.");
    }
    return decided;
}

} // namespace virtpind
