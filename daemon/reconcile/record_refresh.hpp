// SPDX-License-Identifier: LGPL-2.1-or-later
// The first step of a pass: what one look at libvirt shows goes into the records. Main thread.
#pragma once

#include "domain_record.hpp"
#include "original_states.hpp"

#include <cstdint>
#include <set>
#include <vector>

namespace virtpind {

// Makes `records` those of the domains in `seen`: newcomers get a record and their before-image,
// the record of a domain that `seen` does not show goes, and its before-image stays in `images`.
// What a record remembers of a run ends with that run. `ended` are the domains that ended before
// the look began, as events told: where such a domain is not in `seen`, its before-image is
// dropped. A domain that is merely out of sight (access control, another libvirt) may come back and
// keeps it.
void refresh_records(Records& records, BeforeImages& images, std::vector<ObservedDomain>&& seen,
                     const std::set<DomainUuid>& ended, std::uint64_t pass);

} // namespace virtpind
