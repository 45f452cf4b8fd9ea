// SPDX-License-Identifier: LGPL-2.1-or-later
// Who loses a place to whom when a plan changes. Pure.
#pragma once

#include "common/model/plan.hpp"
#include "domain_record.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtpind {

// A domain that takes CPUs, and those that ran there as their policies ask and no longer do.
using Displacements = std::map<DomainUuid, std::vector<DomainUuid>>;

// `records` have the decisions and plans that were in force before `plan`. Only running domains
// take places and lose them.
[[nodiscard]] Displacements find_displaced(const Records& records, const Plan& plan);

// Into the records, which have the new decisions and plans. A displacement ends when the domain
// that lost its place has one, or is not running, or when the other gives its CPUs back.
void note_displaced(Records& records, const Displacements& displaced);

// The printable names of those that are in `displaced`, at most displaced_names_max.
inline constexpr std::size_t displaced_names_max = 32;
[[nodiscard]] std::vector<std::string> names_of(const Records& records,
                                                const std::vector<DomainUuid>& displaced);

} // namespace virtpind
