// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt made of a domain's changes goes into its record, before the verdict on the pass
// (outcome.hpp). Main thread.
#pragma once

#include "common/model/action.hpp"
#include "domain_record.hpp"

#include <chrono>

namespace virtpind {

enum class AfterIntake {
    nothing,  // libvirt is at work on the domain, which is looked at again soon
    put_off,  // it changed under our hands: the next pass sees to it, and its waiters wait on
    conclude, // the verdict is due
};

// `outcome` is of this domain; `after` is taken out of it. Where the domain has changed under our
// hands too often in a row, `outcome` gets an error that says so, and the verdict is due.
[[nodiscard]] AfterIntake take_in(DomainRecord& record, Outcome& outcome,
                                  std::chrono::steady_clock::time_point now);

} // namespace virtpind
