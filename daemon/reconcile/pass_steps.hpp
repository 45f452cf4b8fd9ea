// SPDX-License-Identifier: LGPL-2.1-or-later
// From what is remembered of all domains to decisions, the plan, and what to do for one domain: the
// pure middle of a pass, asked with the daemon's own records. Main thread only.
#pragma once

#include "common/model/config.hpp"
#include "common/model/libvirt_port.hpp"
#include "domain_record.hpp"

#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// What all of it is made from; refers to the daemon's state.
struct PlanningInput {
    const Config& config;
    const Topology& topology;
    const Records& records;
    const DriverCapabilities& abilities;
    const std::string& boot_id; // the host's, by which a run is known again
    IntentInput::Look look = IntentInput::Look::later;
    DomainWatch* watch = nullptr; // hears whose turn it is
};

// The housekeeping that is planned with, nullopt for `auto`, and what is wrong with what the
// configuration says: a sentence, or empty. CPUs that are merely offline are not kept meanwhile,
// which is nothing to look at as long as others are.
struct Housekeeping {
    std::optional<CpuSet> cpus;
    std::string problem;
};

[[nodiscard]] Housekeeping usable_housekeeping(const Config& config, const Topology& topology);

// One decision per record, in their order. A domain whose policy makes no sense here is left alone
// and says so; the others are planned all the same.
[[nodiscard]] std::vector<Decision> decide(const PlanningInput& input);

struct CheckedPlan {
    Plan plan;
    std::vector<std::string> broken; // rules that it breaks, which must not be; sentences
};

// A domain at which something goes wrong, an exception or a rule that its plan breaks, is set apart
// in `decisions`, and the others are planned without it; at most so many times over. What can be
// told to no domain is in `broken`.
inline constexpr unsigned set_apart_turns_max = 16;
[[nodiscard]] CheckedPlan plan_for(const PlanningInput& input, std::vector<Decision>& decisions);

// What is to be done for a domain as it was decided and planned; nothing where it is left alone.
enum class LivePart { now, deferred };
[[nodiscard]] std::optional<DomainActions> actions_for(const PlanningInput& input,
                                                       const DomainRecord& record, LivePart live);

// Whether its definition already is what comes of the change in `actions`, as was found before.
[[nodiscard]] bool is_idle(const DomainRecord& record, const DomainActions& actions);

// Whether `uuid` could have `policy` at all, whatever the others have.
// Error: invalid_policy, naming what does not exist on this host or in this guest.
[[nodiscard]] Result<void> check_policy(const PlanningInput& input, const DomainUuid& uuid,
                                        const Policy& policy);

// The plan as it would be if `uuid` had `policy`, and what that would change in its definition.
// Error: as above.
struct TrialPlan {
    Plan plan;
    std::optional<DefinitionChange> definition;
};

[[nodiscard]] Result<TrialPlan> try_policy(const PlanningInput& input, const DomainUuid& uuid,
                                           const Policy& policy);

} // namespace virtpind
