// SPDX-License-Identifier: LGPL-2.1-or-later
// Which tunes of the policy are applied, and which are refused. Pure.
#pragma once

#include "tuning_decision.hpp"

#include <set>
#include <string_view>

namespace virtpind {

// An unknown architecture is taken for x86, the only one with several tunes.
[[nodiscard]] bool is_x86(std::string_view arch);

// The caches of the host are passed through only to a guest whose topology makes it right about
// them: whoever chooses that topology refuses them here before the tunes are decided.
class TuneChoice {
public:
    // Adds to `decision`, which outlives it.
    TuneChoice(const TuningInput& input, TuningDecision& decision);

    [[nodiscard]] bool passes_caches_through() const { return passthrough_; }

    // By the tune, or by what the definition says anyway.
    [[nodiscard]] bool shows_host_caches() const { return passthrough_ || shown_already_; }

    // `why`: the arguments of a reason.
    void refuse_passthrough(ReasonArguments why);

    // An argument of QEMU's hides how the vCPUs are grouped.
    void hide_shape();

    // The last step, when the guest's topology is decided.
    void decide();

private:
    [[nodiscard]] bool asks(Tune tune) const;
    [[nodiscard]] bool definition_shows_host_caches() const;
    void say(ReasonCode code, ReasonArguments arguments = {});
    // Asked for, but not possible here.
    void refuse(Tune tune, ReasonArguments why);
    void leave_out(Tune tune, ReasonArguments why);
    void need_topoext();
    void refuse_x86_tunes();
    void decide_topoext();
    void decide_invtsc();

    const TuningInput& in_;
    TuningDecision& decision_;
    std::set<Tune> wanted_;      // of the policy, without those that the definition rules out
    bool passthrough_ = false;   // asked for, and nothing speaks against it so far
    bool shown_already_ = false; // by the definition, not by virtpind
};

} // namespace virtpind
