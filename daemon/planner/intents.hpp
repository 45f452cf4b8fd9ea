// SPDX-License-Identifier: LGPL-2.1-or-later
// From what is seen and what was asked for to what should hold, per domain. Pure.
#pragma once

#include "common/model/config.hpp"
#include "common/model/domain_watch.hpp"
#include "common/model/original_state.hpp"
#include "common/model/plan.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// What the daemon knows of a domain that libvirt does not tell.
struct DomainHistory {
    std::optional<PolicySpec> runtime_policy; // set over the bus, not stored
    std::optional<std::string> hold_reason;   // somebody asked to leave it alone
    bool touched = false;                     // there is a before-image: its pins are ours
    PinSet before;                            // where it is touched: the pins it would get back
    // The run and the policy in which its pins were last verified. Another policy, or pins that
    // are not ours, are no reason to stay where it is.
    std::optional<int> placed_id;
    std::optional<Policy> placed_policy;
    VcpuSet kept_plugged;      // that the guest did not give back in this run
    bool has_our_pins = false; // all vCPU pins of its definition are ours
};

using Histories = std::map<DomainUuid, DomainHistory>;

// What is to be done about one domain, and by whose word.
struct Decision {
    Stance stance = Stance::hands_off;
    Intent intent;                   // what the planner gets
    ResolvedPolicy policy;           // `none` when it cannot be resolved
    std::optional<Error> unreadable; // why its stance is `broken`
    bool restore = false;            // give back the before-image: no policy wants it any more
};

struct IntentInput {
    const Config& config;
    const Topology& topology;
    const std::vector<ObservedDomain>& domains;
    const Histories& histories;
    // Runs that were there at the first look after a connect count as running where they are
    // pinned; later newcomers give way to those already placed.
    enum class Look { first, later } look = Look::later;
    DomainWatch* watch = nullptr; // hears whose turn it is; outlives the call
};

// One decision per domain, in the order of `domains`. One at which something goes wrong is set
// apart; the others go on.
[[nodiscard]] std::vector<Decision> decide_intents(const IntentInput& input);

// Leaves a domain alone, as its policy cannot be read or makes no sense, and says why.
void mark_broken(Decision& decision, Error why, ReasonCode code);

// The same where something went wrong in virtpind itself, `what`, while it was at work on the
// domain. Where that was for its claims alone, it claims nothing any more.
void set_apart(Decision& decision, std::string_view what);

// The layers of policy for one domain, highest first. `metadata` unreadable: its error.
[[nodiscard]] Result<std::vector<PolicyLayer>>
policy_layers(const Config& config, const DomainFacts& facts, const DomainHistory& history);

// The intent to plan `seen` by `policy`, whatever its stance is. `kept_plugged` are not asked for
// again.
[[nodiscard]] Intent make_intent(const ObservedDomain& seen, const Policy& policy,
                                 const Topology& topology, const VcpuSet& kept_plugged);

// Whether two policies place a domain alike: a change in the rest moves no thread.
[[nodiscard]] bool same_placement(Policy a, Policy b);

} // namespace virtpind
