// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caller_errors.hpp"

#include "common/base/printable.hpp"

#include <string>

namespace virtpind {

namespace {

Error is_at_work(const DomainRecord& record, const std::string& with)
{
    return Error{.code = Errc::apply_failed,
                 .message = printable(record.seen.facts.name) + " is being " + with +
                            "; the policy is applied when that finishes"};
}

} // namespace

Error unreachable()
{
    return Error{.code = Errc::host_unavailable,
                 .message = "libvirt is not reachable; virtpind keeps trying to connect; see "
                            "virtpinctl status, or the property Problems"};
}

Error translate_libvirt_error(Error error, std::string_view doing)
{
    if (error.code == Errc::permission_denied) {
        error.message = "libvirt does not let virtpind " + std::string{doing} + " (" +
                        error.message + "); see virtpind(8), PRIVILEGES";
        error.code = Errc::apply_failed;
    } else if (error.code == Errc::invalid_argument) {
        error.message = "libvirt refused to " + std::string{doing} + ": " + error.message;
        error.code = Errc::apply_failed;
    }
    return error;
}

Result<void> request_result(const Records& records, const DomainUuid& uuid)
{
    const auto* record = find_record(records, uuid);
    if (record == nullptr) {
        return Error{.code = Errc::not_found,
                     .message = "the domain " + uuid.str() + " went away meanwhile"};
    }
    if (record->seen.facts.job_active) {
        return is_at_work(*record, "started, saved or migrated");
    }
    if (!record->busy.empty()) {
        return is_at_work(*record, record->busy);
    }
    if (record->error) {
        return *record->error;
    }
    return {};
}

} // namespace virtpind
