// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong with guests and their host: the doctor's checks on values. Pure and deterministic.
//
// Only what is certain is told: a guest that floats over many CPUs is not judged by cores or
// caches, and a check whose facts are missing says so instead of passing.
#pragma once

#include "common/model/finding.hpp"
#include "doctor_facts.hpp"

namespace virtpind {

[[nodiscard]] Diagnosis examine(const DoctorFacts& facts);

} // namespace virtpind
