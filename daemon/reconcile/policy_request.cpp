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

bool takes_away(const OptionValue& value)
{
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && text->empty();
}

bool leaves_alone(const PolicyCatalog& catalog, const std::string& name)
{
    if (!catalog.contains(name)) {
        return false;
    }
    const auto& implied = catalog.options_of(name);
    const auto placement = implied.find("placement");
    return placement != implied.end() && placement->second == OptionValue{std::string{"none"}};
}

// What a request with MERGE changes: what is there in its layer. Nothing is on its way there.
Result<PolicySpec> base_of(const DomainRecord& record, const SetPolicyRequest& request)
{
    if ((request.flags & flag_runtime_only) != 0) {
        return record.runtime_policy.value_or(PolicySpec{});
    }
    const auto& stored = record.seen.facts.metadata.content;
    if (!stored) {
        return PolicySpec{};
    }
    if (!*stored) {
        return Error{.code = Errc::invalid_policy,
                     .message =
                         "the policy in the domain's metadata cannot be read, so nothing can "
                         "be changed in it; replace it (virtpinctl set with a policy and --clear; "
                         "SetPolicy without MERGE) or take it back (virtpinctl reset; "
                         "ResetPolicy): " +
                         stored->error().message};
    }
    return **stored;
}

// `error` of `request`, which makes no sense with what stays of `base`.
Error with_kept(Error error, const SetPolicyRequest& request, const PolicySpec& base)
{
    std::string kept = request.policy.empty() && !base.name.empty() ? " " + base.name : "";
    for (const auto& [name, value] : base.options) {
        kept += request.options.contains(name) ? "" : " " + name + "=" + option_text(value);
    }
    if (!kept.empty()) {
        error.message += "; set for this domain before and kept:" + kept +
                         "; name another policy, or take an option away by an empty value (NAME=)";
    }
    return error;
}

Error nothing_set(const SetPolicyRequest& request)
{
    const std::string where =
        (request.flags & flag_runtime_only) != 0 ? " for this run of the service" : "";
    return {.code = Errc::invalid_policy,
            .message = "nothing is set for the domain itself" + where +
                       ", so nothing can be taken away; name a policy, or an option with a value"};
}

Result<PolicySpec> merged_spec(const PolicyCatalog& catalog, const DomainRecord& record,
                               const SetPolicyRequest& request)
{
    auto base = base_of(record, request);
    if (!base) {
        return base;
    }
    // A policy that leaves the domain alone has no use for options.
    if (!request.policy.empty() && leaves_alone(catalog, request.policy)) {
        base->options.clear();
    }
    const auto& name = request.policy.empty() ? base->name : request.policy;
    auto options = base->options;
    OptionMap given;
    for (const auto& [option, value] : request.options) {
        if (!takes_away(value)) {
            options.insert_or_assign(option, value);
            given.emplace(option, value);
        } else if (find_option(option) == nullptr) {
            return make_policy_spec(catalog, name, {{option, value}}, PolicyName::optional);
        } else {
            options.erase(option);
        }
    }
    if (name.empty() && options.empty()) {
        return base->options.empty() ? nothing_set(request) : Result<PolicySpec>{PolicySpec{}};
    }
    if (auto alone = make_policy_spec(catalog, request.policy, given, PolicyName::optional);
        !alone) {
        return alone; // whatever is kept
    }
    auto spec = make_policy_spec(catalog, name, std::move(options), PolicyName::optional);
    return spec ? std::move(spec) : with_kept(std::move(spec).error(), request, *base);
}

// Options that are set alone, for a domain whose policy leaves it alone.
Error without_effect(const PolicyCatalog& catalog)
{
    std::string names;
    for (const auto& name : catalog.names()) {
        names += leaves_alone(catalog, name) ? "" : (names.empty() ? "" : ", ") + name;
    }
    return Error{.code = Errc::invalid_policy,
                 .message =
                     "the domain has no policy, or one that leaves it alone, so options have "
                     "no effect; name a policy with them, such as \"dedicated "
                     "smt=require\"; valid: " +
                     names};
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

Result<PolicySpec> requested_spec(const PolicyCatalog& catalog, const DomainRecord& record,
                                  const SetPolicyRequest& request)
{
    return (request.flags & flag_merge) != 0
               ? merged_spec(catalog, record, request)
               : make_policy_spec(catalog, request.policy, request.options, PolicyName::required);
}

Result<void> check_effect(const PolicyCatalog& catalog, const PolicySpec& spec,
                          const Policy& policy)
{
    const auto options_alone = spec.name.empty() && !spec.options.empty();
    return options_alone && policy.placement == Placement::none
               ? Result<void>{without_effect(catalog)}
               : Result<void>{};
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
    if (auto checked = check_effect(reconciler.config().catalog, spec, policy); !checked) {
        return checked;
    }
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
