// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_jobs.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"

namespace virtpind {

bool is_unresponsive(virDomainPtr domain)
{
    constexpr unsigned patience_ms = 2000;
    virDomainControlInfo info{};
    return virDomainGetID(domain) != static_cast<unsigned>(-1) &&
           virDomainGetControlInfo(domain, &info, 0) == 0 &&
           (info.state == VIR_DOMAIN_CONTROL_OCCUPIED || info.state == VIR_DOMAIN_CONTROL_ERROR) &&
           info.stateTime > patience_ms;
}

bool is_job_active(int state, int reason)
{
    return state == VIR_DOMAIN_PAUSED &&
           (reason == VIR_DOMAIN_PAUSED_MIGRATION || reason == VIR_DOMAIN_PAUSED_SAVE ||
            reason == VIR_DOMAIN_PAUSED_DUMP || reason == VIR_DOMAIN_PAUSED_SNAPSHOT ||
            reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

bool is_job_active(virDomainPtr domain)
{
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;
    return virDomainGetState(domain, &state, &reason, 0) == 0 && is_job_active(state, reason);
}

std::string busy_with(virDomainPtr domain)
{
    int type = VIR_DOMAIN_JOB_NONE;
    virTypedParameterPtr parameters = nullptr;
    int count = 0;
    // Refused by drivers that have no jobs, and for a domain that arrives, which its state tells.
    if (virDomainGetJobStats(domain, &type, &parameters, &count, 0) < 0) {
        return {};
    }
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsFree(parameters, count);
    const auto under_way = type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED;
    switch (under_way ? operation : static_cast<int>(VIR_DOMAIN_JOB_OPERATION_UNKNOWN)) {
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
        return "migrated";
    case VIR_DOMAIN_JOB_OPERATION_SAVE:
        return "saved";
    case VIR_DOMAIN_JOB_OPERATION_DUMP:
        return "dumped";
    case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT:
    case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT:
        return "written to a snapshot";
    default: // a backup lets others change it
        return {};
    }
}

Error is_busy(const std::string& with, std::size_t changes)
{
    return Error{.code = Errc::apply_failed,
                 .message = "it is being " + with + "; try again when that has ended; " +
                            (changes == 0 ? "nothing was changed"
                                          : pluralize(changes, "change") + " made before")};
}

Error no_answer(virDomainPtr domain)
{
    return Error{.code = Errc::timed_out,
                 .message = printable(virDomainGetName(domain)) +
                            " does not answer libvirt; nothing was changed"};
}

} // namespace virtpind
