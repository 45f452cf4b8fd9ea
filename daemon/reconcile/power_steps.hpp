// SPDX-License-Identifier: LGPL-2.1-or-later
// The host's power profile in a pass: wanted while some guest with profile=performance runs on CPUs
// of its own, and what its plan tells of it. Main thread.
#pragma once

#include "common/model/plan.hpp"
#include "common/model/power_port.hpp"
#include "domain_record.hpp"

namespace virtpind {

class PowerSteps {
public:
    // It must outlive this. Until then nothing is held, and a domain that wants it is told so.
    void use(PowerPort& port) { port_ = &port; }

    // What came of it until now is told to this domain, in its record and in the plan that is
    // shown. What it told before is gone.
    void tell(DomainRecord& record, Plan& shown) const;
    // The pass has ended.
    void follow(const Records& records);

private:
    PowerPort* port_ = nullptr;
};

} // namespace virtpind
