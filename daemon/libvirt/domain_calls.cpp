// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_calls.hpp"

#include "domain_jobs.hpp"
#include "error.hpp"

#include <libvirt/virterror.h>

#include <utility>

namespace virtpind {

std::optional<int> id_of(virDomainPtr domain)
{
    const auto id = virDomainGetID(domain);
    return id == static_cast<unsigned>(-1) ? std::nullopt : std::optional{static_cast<int>(id)};
}

Result<DomainHandle> look_up(const VirtConnection& connection, const DomainUuid& uuid)
{
    DomainHandle domain{virDomainLookupByUUIDString(connection.raw(), uuid.str().c_str())};
    if (!domain) {
        return last_error();
    }
    return domain;
}

Next JobWatch::check(Outcome& outcome)
{
    const auto now = Clock::now();
    if (!outcome.id || (asked_ && now - *asked_ < good_for)) {
        return Next::go_on;
    }
    asked_ = now;
    outcome.busy = busy_with(domain_);
    return outcome.busy.empty() ? Next::go_on : Next::stop;
}

bool is_gone(const Error& error, virDomainPtr domain, const std::optional<int>& id)
{
    return error.code == Errc::not_found ||
           (id && error.native_code == VIR_ERR_OPERATION_INVALID && virDomainIsActive(domain) == 0);
}

bool is_guest_refusal(const Error& error, std::chrono::steady_clock::duration took)
{
    constexpr std::chrono::seconds lock_patience{30};
    if (error.code == Errc::host_unavailable || took >= lock_patience) {
        return false;
    }
    return error.native_code == VIR_ERR_OPERATION_FAILED ||
           error.native_code == VIR_ERR_OPERATION_TIMEOUT ||
           error.native_code == VIR_ERR_INTERNAL_ERROR;
}

Next note_failure(Outcome& outcome, virDomainPtr domain, Error error, const std::string& what)
{
    if (is_gone(error, domain, outcome.id)) {
        outcome.gone = true;
        return Next::stop;
    }
    // A job that began after it was asked for is what the call waited for, in vain.
    if (error.code == Errc::timed_out && outcome.id && !is_unresponsive(domain)) {
        outcome.busy = busy_with(domain);
        if (!outcome.busy.empty()) {
            return Next::stop;
        }
    }
    outcome.errors.push_back(std::move(error).failed_to(what));
    const auto code = outcome.errors.back().code;
    // A call that waited in vain for the domain took 30 s; so would each of those that follow.
    return code == Errc::host_unavailable || code == Errc::timed_out ? Next::stop : Next::go_on;
}

} // namespace virtpind
