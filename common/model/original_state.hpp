// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain looked like before virtpind first touched it; what ResetPolicy gives back.
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
    // The run it was taken in: live pins are given back only to the same run. `boot_id` is the
    // host's, since libvirt counts ids from 1 after every boot.
    std::optional<int> id;
    std::string boot_id;
    std::optional<PinSet> live;
    std::optional<PinSet> config;
    std::optional<std::uint32_t> vcpus_max; // of the definition
    DefinitionParts parts;                  // of the definition; empty for a transient domain
    // What virtpind has written into the definition and is in force still, "" for what it removed.
    // Oldest first, each noted before it was written: by this, what somebody else changed since is
    // told from what is ours. Several, because a crash or a refusal leaves open which one holds.
    std::vector<DefinitionParts> written;

    static constexpr std::size_t written_max = 4;

    // The pins that run `now` of the domain gets back, on the host's boot `boot`, or its definition
    // where it is shut off. Nothing where there is no definition and the run is another.
    [[nodiscard]] std::optional<PinSet> pins_for(std::optional<int> now,
                                                 std::string_view boot) const;

    // Whether a part of a definition says what virtpind wrote.
    [[nodiscard]] bool is_ours(const DefinitionParts& now, const std::string& part) const;

    // Notes that a definition that says `now` is about to say `next`.
    void note_written(const DefinitionParts& now, const DefinitionParts& next);

    // What `next` is about to change and what never was ours is how it was before, also where it
    // was edited after this image was made. To be called before note_written().
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
