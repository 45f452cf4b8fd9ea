// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_request.hpp"

#include "daemon/render/reason_text.hpp"
#include "trial_plan.hpp"

#include <string>
#include <utility>

namespace virtpind {

namespace {

const DomainPlan* unsatisfied(const Plan& plan, const DomainUuid& uuid)
{
    const auto* domain = plan.find(uuid);
    return domain != nullptr && !domain->satisfied ? domain : nullptr;
}

Error cannot_be_met(const DomainPlan& plan)
{
    std::string why;
    for (const auto& reason : plan.reasons) {
        why += (why.empty() ? "" : " ") + reason_text(reason);
    }
    return Error{.code = Errc::unsatisfiable,
                 .message = "the policy cannot be met on this host now, and nothing was changed: " +
                            why + " Relax it, free some CPUs, or use fallback=shared"};
}

} // namespace

Result<ResolvedPolicy> resolve_with(const Config& config, const DomainRecord& record,
                                    const PolicySpec& spec, PolicySource layer)
{
    const auto& facts = record.seen.facts;
    DomainHistory history;
    auto changed = facts;
    if (layer == PolicySource::bus) {
        history.runtime_policy = spec;
    } else {
        changed.metadata.content = spec;
    }
    auto layers = policy_layers(config, changed, history);
    if (!layers) {
        return std::move(layers).error();
    }
    return resolve_policy(config.catalog, *layers, !passed_through(facts).empty());
}

Result<void> check_request(const Reconciler& reconciler, const SetPolicyRequest& request,
                           const PolicySpec& spec)
{
    const auto& record = *reconciler.find(request.uuid);
    if (request.expect_generation && *request.expect_generation != record.generation) {
        return Error{.code = Errc::conflict,
                     .message = "the domain's policy has generation " +
                                std::to_string(record.generation) + ", not the expected " +
                                std::to_string(*request.expect_generation) +
                                ": somebody changed it; read it again and decide anew"};
    }
    const auto runtime_only = (request.flags & flag_runtime_only) != 0;
    auto resolved = resolve_with(reconciler.config(), record, spec,
                                 runtime_only ? PolicySource::bus : PolicySource::metadata);
    if (!resolved) {
        return std::move(resolved).error();
    }
    const auto& policy = resolved->policy;
    const auto must_fit = policy.fallback == Fallback::fail &&
                          policy.placement != Placement::none && (request.flags & flag_defer) == 0;
    if (record.decision.unreadable && record.decision.unreadable->code == Errc::internal) {
        return {}; // its vCPUs are not known; it is looked at with the new policy
    }
    if (!must_fit) {
        return check_policy(reconciler.trial_input(), request.uuid, policy);
    }
    const auto trial = try_policy(reconciler.trial_input(), request.uuid, policy);
    if (!trial) {
        return trial.error();
    }
    const auto* domain = unsatisfied(trial->plan, request.uuid);
    return domain == nullptr ? Result<void>{} : cannot_be_met(*domain);
}

} // namespace virtpind
