// SPDX-License-Identifier: LGPL-2.1-or-later
// One action is one change to one domain, as small as libvirt lets it be. diff() makes them,
// daemon/libvirt/actuator applies them in order.
#pragma once

#include "domain.hpp"
#include "guest_tuning.hpp"
#include "original_state.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace virtpind {

struct PinVcpu {
    VcpuId vcpu{};
    CpuSet cpus;
};

struct PinEmulator {
    CpuSet cpus;
};

struct PinIothread {
    IothreadId iothread{};
    CpuSet cpus;
};

// Live: only the nodeset, if libvirt can move it (mode restrictive, or no numatune yet).
struct SetNuma {
    NumaTune numatune;
};

// A vCPU whose pin was just refused is not plugged: it would start on CPUs of others.
struct PlugVcpu {
    VcpuId vcpu{};
};

// The guest may refuse, or take longer than libvirt's timeout.
struct UnplugVcpu {
    VcpuId vcpu{};
};

// New CPUs for one thread of the running domain.
using PinAction = std::variant<PinVcpu, PinEmulator, PinIothread>;

// The running domain.
using LiveAction = std::variant<PinVcpu, PinEmulator, PinIothread, SetNuma, PlugVcpu, UnplugVcpu>;

// The persistent definition: first the parts that go back (tuning.revert), then the pins, then
// the rest of the tuning. Absent members are left alone; `replace` removes what is not in `pins` as
// well (restoring a before-image).
struct DefinitionChange {
    enum class Mode { merge, replace } mode = Mode::merge;
    PinSet pins;
    GuestTuning tuning;
    // The definition at planning time: a definition that differs by now is not written. Absent: it
    // may have any content.
    std::optional<DefinitionParts> planned_on;
    // What becomes of the note of how it was before: `renew` is as the before-image has it then.
    enum class Note { keep, renew, remove } note = Note::keep;

    [[nodiscard]] bool empty() const
    {
        return mode == Mode::merge && pins == PinSet{} && tuning.empty() && note == Note::keep;
    }

    // Whether it asks for the same change, whatever its plan and note are.
    [[nodiscard]] bool asks_for_same(const DefinitionChange& other) const
    {
        return mode == other.mode && pins == other.pins && tuning == other.tuning;
    }
};

// libvirt's version of a definition that was written. libvirt is deterministic: the same text gives
// the same result, so writing it again would be of no use.
struct DefinitionWrite {
    DefinitionParts meant;
    DefinitionParts made;
    bool whole = false; // all of the definition, not only some pins
};

// All changes to one domain in one pass. The actuator stops silently when the domain is gone or has
// another id than `id` (it was restarted: the next pass handles it).
struct DomainActions {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id;
    // From the observation; a change of these brings an event and another pass.
    RunState state = RunState::shutoff;
    bool persistent = true;
    // Written into the running domain's metadata before its pins change. An empty note is removed
    // after all other changes succeeded, and so is a policy that no longer applies.
    std::optional<UndoNote> live_note;
    bool drop_live_policy = false;
    // The policy of the definition that the running domain's metadata lacks.
    std::optional<PolicySpec> show_live_policy;
    std::vector<LiveAction> live;
    std::optional<DefinitionChange> definition;
    // The note of the written definition is stored here before the write; none when a domain is
    // reset, which is one step.
    std::optional<BeforeImage> before;
    // The last one, where it is known.
    std::optional<DefinitionWrite> last_write;
    // Restoring: what was changed by somebody else since and is left as it is, as sentences.
    std::vector<std::string> not_reverted;

    [[nodiscard]] bool empty() const
    {
        return live.empty() && !live_note && !drop_live_policy && !show_live_policy &&
               !definition && not_reverted.empty();
    }
};

// A change of a definition with `parts` that writing does not achieve.
struct IdleChange {
    DefinitionChange change;
    DefinitionParts parts;
    std::optional<UndoNote> config_note; // and has noted this
    std::vector<std::string> not_kept;   // what does not hold of it, as sentences; usually nothing
};

// The outcome of one DomainActions.
struct Outcome {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id;
    bool gone = false;   // vanished or restarted meanwhile: not an error
    std::string busy;    // libvirt is at work on it ("migrated"), and it is left alone: nor is this
    bool edited = false; // so was its definition, which was left as it is: nor is this
    std::size_t applied = 0;          // live actions and definition changes that libvirt accepted
    std::vector<Error> errors;        // libvirt's refusals, with context; the rest was still tried
    std::vector<std::string> differs; // after reading back: what does not hold, as sentences
    VcpuSet kept_plugged; // that the guest did not give back; no error: asking again is no use
    std::vector<std::string> not_reverted; // of the actions
    // As it is on disk now, where the definition was about to be changed.
    std::optional<BeforeImage> before;
    // What came of the definition that was written; absent where none was.
    std::optional<DefinitionWrite> write;
    // The change of the definition, where writing it would alter nothing: the definition says all
    // that already, or libvirt makes of it what is there. `not_kept` are the sentences on what does
    // not hold even so; asking again is no use.
    std::optional<DefinitionChange> idle;
    std::vector<std::string> not_kept;
    std::vector<std::string> remarks;    // what else is to be told, as sentences
    std::optional<ObservedDomain> after; // the domain as read back (live pins and real affinities)
};

[[nodiscard]] std::string describe(const LiveAction& action); // "pin vCPU 3 to 6,18"

} // namespace virtpind
