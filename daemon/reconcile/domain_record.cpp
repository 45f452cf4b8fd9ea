// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_record.hpp"

namespace virtpind {

void DomainRecord::forget_other_runs(std::optional<int> id, const VcpuSet& online)
{
    if (seen.facts.id != id) {
        forget_failures();
        repairs = 0;
        isolation = {};
    }
    if (placed_id != id) {
        placed_id.reset(); // a later run may have that id again
    }
    if (deferred_id != id) {
        deferred_id.reset();
    }
    if (kept_id != id) {
        kept_plugged = {};
    }
    kept_plugged = kept_plugged & online;
}

} // namespace virtpind
