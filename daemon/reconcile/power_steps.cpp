// SPDX-License-Identifier: LGPL-2.1-or-later
#include "power_steps.hpp"

#include <algorithm>
#include <optional>

namespace virtpind {

namespace {

bool wants_profile(const DomainRecord& record)
{
    return record.seen.facts.active() && record.decision.stance == Stance::managed &&
           !record.decision.restore && record.plan &&
           record.plan->placement == Placement::dedicated &&
           record.decision.policy.policy.profile == ProfileChoice::performance;
}

Reason not_held(ReasonPhrase why, ReasonArguments arguments = {})
{
    arguments.push_back({"why", why});
    return {ReasonCode::profile_not_held, std::move(arguments)};
}

// nullopt: nobody knows yet.
std::optional<Reason> reason_of(const PowerHold& hold)
{
    switch (hold.state) {
    case PowerHold::State::none:
    case PowerHold::State::asked:
        return std::nullopt;
    case PowerHold::State::held:
        return Reason{ReasonCode::profile_held, {}};
    case PowerHold::State::refused:
        return not_held(ReasonPhrase::no_profile_service, {{"error", hold.why}});
    case PowerHold::State::yielded:
        return not_held(ReasonPhrase::no_profile_yielded);
    }
    return std::nullopt;
}

} // namespace

void PowerSteps::tell(DomainRecord& record, Plan& shown) const
{
    if (!wants_profile(record) || port_ == nullptr) {
        return;
    }
    auto& plan = *record.plan;
    std::erase_if(plan.reasons, [](const Reason& reason) {
        return reason.code == ReasonCode::profile_held ||
               reason.code == ReasonCode::profile_not_held;
    });
    auto reason = reason_of(port_->hold());
    if (!reason) {
        return;
    }
    plan.satisfied = plan.satisfied && reason->code == ReasonCode::profile_held;
    plan.reasons.push_back(std::move(*reason));
    const auto at =
        std::find_if(shown.domains.begin(), shown.domains.end(),
                     [&record](const auto& one) { return one.uuid == record.seen.facts.uuid; });
    if (at != shown.domains.end()) {
        *at = plan;
    }
}

void PowerSteps::follow(const Records& records)
{
    if (port_ != nullptr) {
        port_->want(std::any_of(records.begin(), records.end(),
                                [](const auto& entry) { return wants_profile(entry.second); }));
    }
}

} // namespace virtpind
