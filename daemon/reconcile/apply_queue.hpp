// SPDX-License-Identifier: LGPL-2.1-or-later
// The changes of one pass on their way to libvirt, some domains at a time: a guest that starts, a
// policy that is set or a CPU that goes meanwhile does not wait for a thousand domains, and those
// are not changed by a plan that is old. Main thread.
#pragma once

#include "common/model/action.hpp"
#include "domain_record.hpp"
#include "waiters.hpp"

#include <cstddef>
#include <vector>

namespace virtpind {

class ApplyQueue {
public:
    // Sorts them: domains that somebody asked for, then those that have just been started, then the
    // others; within each of the three, long definitions last. Precondition: `records` has them
    // all.
    ApplyQueue(std::vector<DomainActions> actions, const Records& records, const Waiters& waiters);

    [[nodiscard]] bool empty() const noexcept { return next_ == actions_.size(); }

    // The next ones, for one job of the thread that calls libvirt: bounded in number and in bytes
    // of definitions. Precondition: not empty.
    [[nodiscard]] std::vector<DomainActions> take_job(const Records& records);

    // Whether enough is done to make way for another pass: each looks at all domains, and without
    // this bound those looks would add up to the square of their number.
    [[nodiscard]] bool may_make_way(std::size_t domains) const noexcept;

    // Those that no job has taken.
    [[nodiscard]] std::vector<DomainUuid> rest() const;

private:
    [[nodiscard]] std::size_t count_of_one_job(const Records& records) const;

    std::vector<DomainActions> actions_;
    std::size_t next_ = 0;
};

} // namespace virtpind
