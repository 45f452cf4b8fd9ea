// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of a guest in a mark and a few words. Pure.
#pragma once

#include "facts.hpp"
#include "look.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::client {

struct GuestState {
    Mark mark = Mark::off;
    std::string word; // "pinned", "floats", "off", ...
};

[[nodiscard]] GuestState state_of(const Guest& guest);

// Whether the guest gets what its policy asks for, as far as the service tells: its pins are not
// what they should be, or the policy is not satisfied.
[[nodiscard]] bool is_as_asked(const Guest& guest);

// Why it is not as asked, a sentence; "" where the service does not tell.
[[nodiscard]] std::string why_not(const Guest& guest);

// What was set for this guest itself, and is not what the host has for all, highest first. Of a
// service that does not tell, what is known by the source of the policy.
[[nodiscard]] std::vector<OwnPolicy> own_policies(const Guest& guest);

// That of one source: "bus", "metadata", "unreadable".
[[nodiscard]] std::optional<OwnPolicy> own_policy(const Guest& guest, std::string_view source);

// How a policy in the metadata that cannot be read is got rid of; `words` are the policy that is to
// take its place, or "POLICY".
[[nodiscard]] std::string unreadable_policy_steps(const Guest& guest, const std::string& words);

// "cpus=8-15 smt=require"; "" without options.
[[nodiscard]] std::string options_text(const Guest& guest);

// "dedicated cpus=8-15 smt=require".
[[nodiscard]] std::string policy_text(const Guest& guest);

// "pinned on 8-15", "floats on 0,12", "off".
[[nodiscard]] std::string place_text(const Guest& guest);

// The same as a sentence: "It is pinned on 8-15.", "It floats on 0,12.", "It waits."
[[nodiscard]] std::string state_sentence(const Guest& guest);

// The same of CPUs: "8-15", or "(none)".
[[nodiscard]] std::string cpus_text(const CpuSet& cpus);

// An argument for a command that people copy into a shell: quoted where the shell needs it.
[[nodiscard]] std::string shell_word(const std::string& text);

// What names a guest on a command line: its name, or its UUID where the name would be taken for
// something else, an option or a UUID.
[[nodiscard]] std::string guest_argument(const Guest& guest);
// The same for people who copy it into a shell.
[[nodiscard]] std::string guest_word(const Guest& guest);

} // namespace virtpind::client
