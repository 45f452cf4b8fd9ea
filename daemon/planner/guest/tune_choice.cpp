// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tune_choice.hpp"

#include "common/model/parts.hpp"
#include "guest_caches.hpp"
#include "tune_conflicts.hpp"

#include <array>
#include <string>
#include <utility>

namespace virtpind {

namespace {

// Tunes that change CPUID.
constexpr std::array x86_tunes{Tune::cache_passthrough, Tune::topoext, Tune::invtsc};

} // namespace

bool is_x86(std::string_view arch)
{
    return arch.empty() || arch == "x86_64" || arch == "i686";
}

TuneChoice::TuneChoice(const TuningInput& input, TuningDecision& decision)
    : in_{input}, decision_{decision}
{
    auto to_decide = tunes_to_decide(in_.intent.policy.tune, in_.now);
    wanted_ = std::move(to_decide.tunes);
    decision_.reasons = std::move(to_decide.reasons);
    passthrough_ = asks(Tune::cache_passthrough);
    shown_already_ = !passthrough_ && definition_shows_host_caches();
    if (!is_x86(in_.now.arch)) {
        refuse_x86_tunes();
    } else if (passthrough_ && cpu_vendor(in_.topology.vendor) == CpuVendor::amd) {
        need_topoext();
    }
}

bool TuneChoice::asks(Tune tune) const
{
    return wanted_.count(tune) != 0;
}

void TuneChoice::say(ReasonCode code, ReasonArguments arguments)
{
    decision_.reasons.push_back({code, std::move(arguments)});
}

void TuneChoice::refuse(Tune tune, ReasonArguments why)
{
    decision_.tuning.withdraw.insert(tune);
    say(ReasonCode::tune_refused, std::move(why));
}

void TuneChoice::leave_out(Tune tune, ReasonArguments why)
{
    why.push_back({"tunes", NameList{std::string{to_string(tune)}}});
    refuse(tune, std::move(why));
}

void TuneChoice::refuse_passthrough(ReasonArguments why)
{
    if (passthrough_) {
        passthrough_ = false;
        refuse(Tune::cache_passthrough, std::move(why));
    } else if (shown_already_) {
        shown_already_ = false;
        why.push_back({"by", in_.now.overrides.host_caches ? ReasonPhrase::by_cpu_argument
                                                           : ReasonPhrase::by_definition});
        say(ReasonCode::tune_refused, std::move(why));
    }
}

// By what the definition says and virtpind did not write.
bool TuneChoice::definition_shows_host_caches() const
{
    const auto by_us = in_.before != nullptr &&
                       in_.before->is_ours(in_.now.parts, name_of(DefinitionPart::cpu_cache));
    return in_.now.overrides.tunes.count(Tune::cache_passthrough) != 0
               ? in_.now.overrides.host_caches
               : in_.now.tuned.count(Tune::cache_passthrough) != 0 && !by_us;
}

void TuneChoice::hide_shape()
{
    if (std::exchange(passthrough_, false)) {
        say(ReasonCode::tune_refused,
            {{"tunes", NameList{std::string{to_string(Tune::cache_passthrough)}}},
             {"why", ReasonPhrase::argument_hides_shape},
             {"argument", in_.now.overrides.shape}});
    }
    shown_already_ = false;
}

void TuneChoice::need_topoext()
{
    if (in_.abilities.topoext == false) {
        refuse_passthrough({{"why", ReasonPhrase::topoext_unavailable}});
    } else if (in_.now.opposed.count(Tune::topoext) != 0) {
        refuse_passthrough({{"why", ReasonPhrase::topoext_disabled}});
    }
}

void TuneChoice::refuse_x86_tunes()
{
    passthrough_ = false;
    shown_already_ = false;
    for (const auto tune : x86_tunes) {
        if (asks(tune)) {
            leave_out(tune, {{"why", ReasonPhrase::x86_only}, {"arch", in_.now.arch}});
        }
    }
}

void TuneChoice::decide()
{
    if (is_x86(in_.now.arch)) {
        if (passthrough_) {
            decision_.tuning.apply.insert(Tune::cache_passthrough);
            say(ReasonCode::caches_passed_through);
        }
        decide_topoext();
        decide_invtsc();
    }
    for (const auto tune : {Tune::no_migrate, Tune::hide_hypervisor, Tune::host_smbios}) {
        if (asks(tune)) {
            decision_.tuning.apply.insert(tune);
        }
    }
    decision_.shows_host_caches = shows_host_caches();
}

// AMD CPUs describe siblings and the caches that they share only with it; Intel CPUs do not have
// it, and a guest that requires it would not start.
void TuneChoice::decide_topoext()
{
    const auto& shape =
        decision_.tuning.cpus ? std::optional{decision_.tuning.cpus->topology} : in_.now.topology;
    const auto siblings = (shape && shape->threads > 1) || !in_.now.overrides.shape.empty();
    const auto vendor = cpu_vendor(in_.topology.vendor);
    const auto needed =
        vendor == CpuVendor::amd && (passthrough_ || (decision_.tuning.cpus && siblings));
    const auto left_out = in_.intent.policy.tune.count(Tune::topoext) != 0 && !asks(Tune::topoext);
    const auto not_ours = in_.now.opposed.count(Tune::topoext) != 0 ||
                          in_.now.overrides.tunes.count(Tune::topoext) != 0;
    if (left_out || not_ours || (!asks(Tune::topoext) && !needed)) {
        return;
    }
    if (vendor == CpuVendor::intel) {
        leave_out(Tune::topoext, {{"why", ReasonPhrase::amd_only}});
    } else if (in_.abilities.topoext == false) {
        leave_out(Tune::topoext, {{"why", ReasonPhrase::host_lacks_feature}});
    } else if (vendor == CpuVendor::amd && !siblings && !passthrough_) {
        leave_out(Tune::topoext, {{"why", ReasonPhrase::one_thread_per_core}});
    } else {
        decision_.tuning.apply.insert(Tune::topoext);
    }
}

void TuneChoice::decide_invtsc()
{
    if (!asks(Tune::invtsc)) {
        return;
    }
    if (in_.abilities.invtsc == false) {
        leave_out(Tune::invtsc, {{"why", ReasonPhrase::libvirt_lacks_feature}});
    } else {
        decision_.tuning.apply.insert(Tune::invtsc);
    }
}

} // namespace virtpind
