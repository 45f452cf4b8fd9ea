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

// Live: only the nodeset, and only where libvirt can (mode restrictive, or no numatune yet).
struct SetNuma {
    NumaTune numatune;
};

// A vCPU whose pin was refused just before is not plugged: it would be born on others' CPUs.
struct PlugVcpu {
    VcpuId vcpu{};
};

// The guest may refuse, or take longer than libvirt waits.
struct UnplugVcpu {
    VcpuId vcpu{};
};

// One thread of the running domain gets other CPUs.
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
    // What the definition said when this was planned: nothing is written into one that says
    // something else by now. Absent: it may say anything.
    std::optional<DefinitionParts> planned_on;
    // What becomes of the note of how it was before: `renew` is as the before-image has it then.
    enum class Note { keep, renew, remove } note = Note::keep;

    [[nodiscard]] bool empty() const
    {
        return mode == Mode::merge && pins == PinSet{} && tuning.empty() && note == Note::keep;
    }

    // Whether it asks for the same, whatever it was planned on and is to be noted.
    [[nodiscard]] bool asks_for_same(const DefinitionChange& other) const
    {
        return mode == other.mode && pins == other.pins && tuning == other.tuning;
    }
};

// What libvirt made of a definition that was written. It does not change what it is given by whim:
// the same text comes out the same, and to write it once more would be of no use.
struct DefinitionWrite {
    DefinitionParts meant;
    DefinitionParts made;
    bool whole = false; // all of the definition, not only some pins
};

// Everything to do for one domain in one pass. The actuator stops, quietly, when the domain is
// gone or has another id than `id` (it was restarted: the next pass sees to it).
struct DomainActions {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id;
    // As it was seen; a change of these comes with an event, and another pass.
    RunState state = RunState::shutoff;
    bool persistent = true;
    // Into the running domain's metadata, before its pins are changed. An empty one is taken out of
    // it, as is a policy that it has no more, when all else went well.
    std::optional<UndoNote> live_note;
    bool drop_live_policy = false;
    // The policy that the definition has and the running domain's metadata has not.
    std::optional<PolicySpec> show_live_policy;
    std::vector<LiveAction> live;
    std::optional<DefinitionChange> definition;
    // Where the definition as it is written is noted, before that; none when it is put back, which
    // is one step.
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

// A change that writing does not bring about, in a definition that says `parts`.
struct IdleChange {
    DefinitionChange change;
    DefinitionParts parts;
    std::optional<UndoNote> config_note; // and has noted this
    std::vector<std::string> not_kept;   // what does not hold of it, as sentences; usually nothing
};

// What came of one DomainActions.
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
