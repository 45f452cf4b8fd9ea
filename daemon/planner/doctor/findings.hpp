// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the checks put what they find. Sentences and fixes come from the table of checks where a
// check does not say more.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/model/finding.hpp"

#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// What one check says. Empty members are filled in from the table.
struct Said {
    std::string evidence;
    std::string why = {};
    std::string fix = {};
    std::optional<PolicyFix> automatic = std::nullopt;
    std::optional<Severity> severity = std::nullopt;
};

class Findings {
public:
    // "" for the host. `policy` is the name of the policy that the guest has; "" for none. A fix by
    // policy keeps it; setting once more what there is already is no fix.
    explicit Findings(std::string guest = {}, std::string policy = {});

    void add(Check check, Said said);
    void not_measured(Check check, std::string reason);

    // Moves what was found behind that of `diagnosis`, the severest first.
    void move_into(Diagnosis& diagnosis);

private:
    std::string guest_;
    std::string policy_;
    std::vector<Finding> findings_;
    std::vector<NotMeasured> not_measured_;
};

// SetPolicy with `dedicated` and one option.
[[nodiscard]] PolicyFix dedicated_fix();
[[nodiscard]] PolicyFix dedicated_fix(const std::string& option, OptionValue value);
// With options that change the definition, which the guest sees from its next start on.
[[nodiscard]] PolicyFix tune_fix(const std::string& option, OptionValue value);

// "1, 2, 3 and 4 more" of words.
[[nodiscard]] std::string some_of(const std::vector<std::string>& words, std::size_t shown_max = 3);

// "CPU 3", "CPUs 3-5".
[[nodiscard]] std::string cpus_text(const CpuSet& cpus);
[[nodiscard]] std::string vcpus_text(const VcpuSet& vcpus);

} // namespace virtpind
