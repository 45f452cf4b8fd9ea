// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain that is called several times in a row: whether to go on after each.
#pragma once

#include "common/model/action.hpp"
#include "connection.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace virtpind {

// As the handle has it, which may be older than the run.
[[nodiscard]] std::optional<int> id_of(virDomainPtr domain);

[[nodiscard]] Result<DomainHandle> look_up(const VirtConnection& connection,
                                           const DomainUuid& uuid);

enum class Next { go_on, stop };

// Asks before a call, but not before each: a migration may begin while many pins are changed.
class JobWatch {
public:
    explicit JobWatch(virDomainPtr domain) : domain_{domain} {}

    [[nodiscard]] Next check(Outcome& outcome);

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds good_for{5};

    virDomainPtr domain_;
    std::optional<Clock::time_point> asked_;
};

// Whether a call failed because the domain is not there any more, or runs no longer.
[[nodiscard]] bool is_gone(const Error& error, virDomainPtr domain, const std::optional<int>& id);

// Whether the guest kept the vCPU that an unplug call asked it for, in `took`: it said so, did not
// answer in libvirt's 5 s, or runs nothing that could answer. A call that failed for another reason
// says nothing of the guest: the connection was lost, or the call never got the domain's lock. That
// time-out has the same code as the guest's, and their texts are translated; but libvirt waits 30 s
// for the lock, so a call that took as long counts as one that never got it. Pure.
[[nodiscard]] bool is_guest_refusal(const Error& error, std::chrono::steady_clock::duration took);

// Whether to go on with this domain after a call failed.
[[nodiscard]] Next note_failure(Outcome& outcome, virDomainPtr domain, Error error,
                                const std::string& what);

} // namespace virtpind
