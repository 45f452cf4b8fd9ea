// SPDX-License-Identifier: LGPL-2.1-or-later
#include "intents.hpp"

#include "daemon/planner/guest/hotplug.hpp"
#include "intent_devices.hpp"

#include <algorithm>
#include <exception>

namespace virtpind {

namespace {

const DomainHistory& find_history(const Histories& histories, const DomainUuid& uuid)
{
    static const DomainHistory blank;
    const auto at = histories.find(uuid);
    return at != histories.end() ? at->second : blank;
}

// 0 in the definition means the host's default size: 2 MiB where the host has that, else the
// smallest it has.
std::optional<std::uint64_t> resolved_hugepage(const std::optional<std::uint64_t>& wanted,
                                               const Topology& topology)
{
    constexpr std::uint64_t usual_kib = 2048;
    if (!wanted || *wanted != 0) {
        return wanted;
    }
    std::uint64_t smallest = 0;
    for (const auto& node : topology.nodes) {
        for (const auto& pool : node.hugepages) {
            if (pool.page_kib == usual_kib) {
                return usual_kib;
            }
            smallest = smallest == 0 ? pool.page_kib : std::min(smallest, pool.page_kib);
        }
    }
    return smallest != 0 ? smallest : usual_kib;
}

// Where a guest has only its cells bound to nodes, they are all of its memory.
NodeSet nodes_named_by(const NumaTune& tune)
{
    auto nodes = tune.nodes;
    if (nodes.empty()) {
        for (const auto& [cell, of_cell] : tune.cells) {
            nodes |= of_cell;
        }
    }
    return nodes;
}

CpuSet narrow_pins(const ObservedDomain& seen, const CpuSet& online)
{
    return seen.pins_in_force().narrow_cpus(online, seen.facts.vcpus_online);
}

// Somebody else's, whether they are in force or wait in the before-image to be given back.
bool has_pins_of_others(const ObservedDomain& seen, const DomainHistory& history,
                        const CpuSet& online)
{
    const auto theirs = history.touched
                            ? history.before.narrow_cpus(online, seen.facts.vcpus_online)
                            : narrow_pins(seen, online);
    return !theirs.empty();
}

Activity activity_of(const ObservedDomain& seen, const Policy& policy, const DomainHistory& history,
                     const CpuSet& online, IntentInput::Look look)
{
    if (!seen.facts.active()) {
        return Activity::dormant;
    }
    const auto verified = history.placed_id == seen.facts.id && history.placed_policy &&
                          same_placement(*history.placed_policy, policy);
    const auto found_in_place = look == IntentInput::Look::first && !history.placed_policy &&
                                history.touched && !narrow_pins(seen, online).empty();
    return verified || found_in_place ? Activity::running : Activity::arriving;
}

// As many vCPUs as the policy says, and what is in the way of that.
void choose_count(const ObservedDomain& seen, std::uint32_t wanted, const VcpuSet& kept_plugged,
                  Intent& intent)
{
    const auto& facts = seen.facts;
    const auto unpluggable =
        facts.active() ? facts.vcpus_pluggable - kept_plugged : facts.vcpus_online;
    const auto choice = choose_vcpus({.wanted = wanted,
                                      .vcpus_max = facts.vcpus_max,
                                      .now = facts.vcpus_online,
                                      .boot = seen.boot_vcpus(),
                                      .unpluggable = unpluggable});
    intent.vcpus_online = choice.vcpus;
    intent.plug = choice.vcpus - facts.vcpus_online;
    intent.unplug = facts.vcpus_online - choice.vcpus;
    intent.vcpus_as_asked = choice.missing == 0 && choice.surplus == 0;
    if (choice.missing != 0) {
        intent.why.push_back({ReasonCode::vcpus_missing,
                              {{"wanted_vcpus", wanted},
                               {"vcpus", choice.vcpus.size()},
                               {"gaps", choice.vcpus.size() < facts.vcpus_max}}});
    } else if (choice.surplus != 0) {
        intent.why.push_back(
            {ReasonCode::vcpus_kept, {{"wanted_vcpus", wanted}, {"kept", kept_plugged}}});
    }
}

// Those that the policy gives no CPUs of their own float; where that is all of them, the domain is
// shared as long as that lasts.
void choose_floating(Intent& intent)
{
    const auto& wanted = intent.policy.dedicated_vcpus;
    if (wanted.empty() || intent.policy.placement != Placement::dedicated ||
        intent.vcpus_max == 0) {
        return;
    }
    const auto last = intent.vcpus_max - 1;
    if (const auto beyond = wanted - VcpuSet::range(0, last); !beyond.empty()) {
        intent.vcpus_as_asked = false;
        intent.why.push_back({ReasonCode::dedicated_vcpus_missing,
                              {{"beyond", beyond}, {"last_vcpu", VcpuSet{VcpuId{last}}}}});
    }
    if (!wanted.intersects(intent.vcpus_online)) {
        intent.policy.placement = Placement::shared;
        intent.why.push_back(
            {ReasonCode::dedicated_vcpus_missing, {{"waiting", wanted & VcpuSet::range(0, last)}}});
        return;
    }
    intent.floating = intent.vcpus_online - wanted;
    intent.vcpus_online &= wanted;
}

Decision decide_stance(const IntentInput& input, const ObservedDomain& seen,
                       const DomainHistory& history, const CpuSet& online)
{
    Decision decision;
    const auto layers = policy_layers(input.config, seen.facts, history);
    if (!layers) {
        mark_broken(decision, layers.error(),
                    layers.error().code == Errc::internal ? ReasonCode::set_apart
                                                          : ReasonCode::metadata_unreadable);
        return decision;
    }
    auto resolved =
        resolve_policy(input.config.catalog, *layers, !passed_through(seen.facts).empty());
    if (!resolved) {
        mark_broken(decision, std::move(resolved).error(), ReasonCode::policy_invalid);
        return decision;
    }
    decision.policy = std::move(*resolved);
    const auto wanted = decision.policy.policy.placement != Placement::none;
    const auto chosen = wanted && decision.policy.explicitly_set;
    const auto of_others = has_pins_of_others(seen, history, online);
    if (history.hold_reason) {
        decision.stance = Stance::held;
        decision.intent.why.push_back({ReasonCode::held, {{"hold", *history.hold_reason}}});
    } else if (chosen || (wanted && !of_others)) {
        decision.stance = Stance::managed;
    } else if (of_others && !history.touched) {
        decision.stance = Stance::foreign;
    } else {
        decision.stance = Stance::hands_off;
        decision.restore = history.touched;
    }
    const auto changes = decision.stance == Stance::managed || decision.restore;
    if (auto fits = check_definition_size(seen.facts); changes && !fits) {
        decision.restore = false;
        mark_broken(decision, std::move(fits).error(), ReasonCode::definition_too_long);
    }
    return decision;
}

} // namespace

void mark_broken(Decision& decision, Error why, ReasonCode code)
{
    decision.stance = Stance::broken;
    decision.intent.stance = Stance::broken;
    decision.intent.why.push_back({code, {{"error", why.message}}});
    decision.unreadable = std::move(why);
}

void set_apart(Decision& decision, std::string_view what)
{
    auto& intent = decision.intent;
    if (decision.stance == Stance::broken) { // what is left of it is looked at for its claims
        intent.current = {};
        intent.activity = Activity::dormant;
        intent.memory_kib = 0;
        intent.memory_nodes = {};
    }
    decision.restore = false;
    mark_broken(decision,
                Error{.code = Errc::internal,
                      .message = "virtpind itself failed at this domain (" + std::string{what} +
                                 "), so it is left alone; please report it together with its "
                                 "definition and the output of Describe (virtpinctl map "
                                 "--json=pretty)."},
                ReasonCode::set_apart);
}

Result<std::vector<PolicyLayer>> policy_layers(const Config& config, const DomainFacts& facts,
                                               const DomainHistory& history)
{
    std::vector<PolicyLayer> layers;
    if (history.runtime_policy) {
        layers.push_back({.source = PolicySource::bus, .spec = *history.runtime_policy});
    }
    if (facts.metadata.content) {
        if (!*facts.metadata.content) {
            return facts.metadata.content->error();
        }
        layers.push_back({.source = PolicySource::metadata, .spec = **facts.metadata.content});
    }
    if (const auto* configured = config.find_domain(facts.uuid, facts.name)) {
        layers.push_back({.source = PolicySource::config, .spec = *configured});
    }
    layers.push_back({.source = PolicySource::default_policy,
                      .spec = PolicySpec{.name = config.default_policy, .options = {}}});
    return layers;
}

bool same_placement(Policy a, Policy b)
{
    for (auto* policy : {&a, &b}) {
        policy->by_devices = false;
        policy->vcpus = 0;
        policy->topology = TopologyChoice::keep;
        policy->tune.clear();
        policy->isolate = IsolateChoice::no;
        policy->profile = ProfileChoice::keep;
    }
    return a == b;
}

Intent make_intent(const ObservedDomain& seen, const Policy& policy, const Topology& topology,
                   const VcpuSet& kept_plugged)
{
    const auto& facts = seen.facts;
    Intent intent;
    intent.uuid = facts.uuid;
    intent.name = facts.name;
    intent.stance = Stance::managed;
    intent.policy = policy;
    intent.vcpus_max = facts.vcpus_max;
    choose_count(seen, policy.vcpus, kept_plugged, intent);
    choose_floating(intent);
    intent.topology = facts.topology;
    intent.cells = facts.cells;
    intent.iothreads = facts.iothreads;
    intent.devices = located_devices(facts, topology);
    if (policy.by_devices) {
        explain_auto(facts, policy, intent.why);
    }
    if (policy.placement != Placement::none) {
        name_unknown_devices(facts.pci_devices, topology, intent.why);
    }
    intent.exclusive = exclusive_devices(facts);
    intent.memory_kib = facts.memory_kib;
    intent.hugepage_kib = resolved_hugepage(facts.hugepage_kib, topology);
    intent.memory_locked = facts.memory_locked;
    intent.realtime = seen.defined_cpus() && !seen.defined_cpus()->realtime.empty();
    intent.current = seen.pins_in_force();
    intent.has_memory = facts.active();
    intent.shut_off = !facts.active();
    if (facts.active() && intent.current.numatune) {
        intent.memory_nodes = nodes_named_by(*intent.current.numatune);
    } else if (facts.active() && facts.memory_locked) {
        // Allocated where its vCPUs ran first, as far as their pins tell.
        intent.memory_nodes = topology.nodes_of(narrow_pins(seen, topology.online_cpus()));
    }
    return intent;
}

namespace {

Decision decide_one(const IntentInput& input, const ObservedDomain& seen, const CpuSet& online)
{
    const auto& history = find_history(input.histories, seen.facts.uuid);
    auto decision = decide_stance(input, seen, history, online);
    auto why = std::move(decision.intent.why);
    auto policy = decision.policy.policy;
    if (decision.stance != Stance::managed) {
        policy.vcpus = 0;
        policy.dedicated_vcpus = {};
        policy.by_devices = false; // nothing to explain
    }
    decision.intent = make_intent(seen, policy, input.topology, history.kept_plugged);
    decision.intent.why.insert(decision.intent.why.begin(), why.begin(), why.end());
    decision.intent.activity =
        activity_of(seen, decision.policy.policy, history, online, input.look);
    decision.intent.stance = decision.stance;
    decision.intent.has_our_pins =
        decision.intent.activity == Activity::dormant && history.has_our_pins &&
        (!history.placed_policy || same_placement(*history.placed_policy, policy));
    return decision;
}

// As much of the intent as claims need, copied and not looked at.
Decision undecided(const ObservedDomain& seen, std::string_view what)
{
    Decision decision;
    decision.intent.uuid = seen.facts.uuid;
    decision.intent.name = seen.facts.name;
    decision.intent.activity = seen.facts.active() ? Activity::arriving : Activity::dormant;
    decision.intent.vcpus_max = seen.facts.vcpus_max;
    decision.intent.vcpus_online = seen.facts.vcpus_online;
    decision.intent.current = seen.pins_in_force();
    set_apart(decision, what);
    return decision;
}

} // namespace

std::vector<Decision> decide_intents(const IntentInput& input)
{
    const auto online = input.topology.online_cpus();
    std::vector<Decision> decisions;
    decisions.reserve(input.domains.size());
    for (const auto& seen : input.domains) {
        const Attempt attempt{input.watch, seen.facts.uuid};
        try {
            decisions.push_back(decide_one(input, seen, online));
        } catch (const std::exception& error) {
            decisions.push_back(undecided(seen, error.what()));
        }
    }
    return decisions;
}

} // namespace virtpind
