// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain as it was before virtpind first changed it; ResetPolicy restores it.
#pragma once

#include "domain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

struct BeforeImage {
    DomainUuid uuid;
    std::string name; // for people reading the state file; identity is the UUID
    // The run in which it was taken: live pins are given back only to the same run. `boot_id` is
    // the host's, because libvirt counts ids from 1 after every boot; and whenever its daemon
    // starts while no domain runs, which is why forget_run() is called as soon as a run is over.
    std::optional<int> id;
    std::string boot_id;
    std::optional<PinSet> live;
    std::optional<PinSet> config;
    std::optional<std::uint32_t> vcpus_max; // of the definition
    DefinitionParts parts;                  // of the definition; empty for a transient domain
    // The values that virtpind has written into the definition and that are still in force, "" for
    // removed parts. Oldest first, each noted before it was written: they tell later changes of
    // others apart. Several, because a crash or a refusal leaves open which one is in force.
    std::vector<DefinitionParts> written;

    static constexpr std::size_t written_max = 4;

    // The pins that run `now` of the domain gets back, on the host's boot `boot`, or its definition
    // if it is shut off. Empty without a definition, if the run is another.
    [[nodiscard]] std::optional<PinSet> pins_for(std::optional<int> now,
                                                 std::string_view boot) const;

    // The run is over: its pins are nobody's.
    void forget_run();

    // Whether a part of a definition is as virtpind wrote it.
    [[nodiscard]] bool is_ours(const DefinitionParts& now, const std::string& part) const;

    // Notes that the definition `now` is about to become `next`.
    void note_written(const DefinitionParts& now, const DefinitionParts& next);

    // A part that `next` is about to change and that virtpind has never written becomes part of the
    // image, also if it was edited after this image was made. Call it before note_written().
    void absorb_foreign_edits(const ObservedDomain& now, const DefinitionParts& next);
};

// What of a definition that says `now` is to be as it was before. Parts that depend on each other,
// the guest's shape and its CPU model, go back together or not at all.
struct Undo {
    DefinitionParts revert; // "" for what is to be removed
    // By name: changed by somebody else since, or "NAME (goes with ANOTHER)" that was.
    std::vector<std::string> not_reverted;
};

[[nodiscard]] Undo make_undo(const BeforeImage& before, const DefinitionParts& now);

} // namespace virtpind
