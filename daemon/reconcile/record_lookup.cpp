// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record_lookup.hpp"

#include "caller_errors.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"

#include <optional>
#include <utility>

namespace virtpind {

Result<DomainUuid> find_domain(const Reconciler& reconciler, std::string_view name_or_uuid)
{
    if (!reconciler.connected()) {
        return unreachable();
    }
    const auto& records = reconciler.records();
    if (const auto uuid = parse_uuid(name_or_uuid); uuid && records.contains(*uuid)) {
        return *uuid;
    }
    std::optional<DomainUuid> found;
    for (const auto& [uuid, record] : records) {
        if (record.seen.facts.name != name_or_uuid) {
            continue;
        }
        if (found) {
            return Error{.code = Errc::ambiguous,
                         .message = in_quotes(name_or_uuid) +
                                    " names more than one domain; use the UUID, as List "
                                    "shows it"};
        }
        found = uuid;
    }
    if (!found) {
        return Error{.code = Errc::not_found,
                     .message = "there is no domain " + in_quotes(name_or_uuid) +
                                " (neither a name nor a UUID); List shows those there are"};
    }
    return *found;
}

Result<const DomainRecord*> record_of(const Reconciler& reconciler, const DomainUuid& uuid)
{
    if (!reconciler.connected()) {
        return unreachable();
    }
    const auto* record = reconciler.find(uuid);
    if (record == nullptr) {
        return Error{.code = Errc::not_found,
                     .message =
                         "the domain " + uuid.str() + " is gone; List shows those there are"};
    }
    return record;
}

Result<const DomainRecord*> record_to_change(const Reconciler& reconciler, const DomainUuid& uuid)
{
    auto record = record_of(reconciler, uuid);
    if (!record) {
        return record;
    }
    if (const auto slot = reconciler.check_slot(); !slot) {
        return slot.error();
    }
    return record;
}

Result<const DomainRecord*> record_to_pin(const Reconciler& reconciler, const DomainUuid& uuid)
{
    auto record = record_to_change(reconciler, uuid);
    if (record) {
        if (auto fits = check_definition_size(**record); !fits) {
            return std::move(fits).error();
        }
    }
    return record;
}

Result<void> check_definition_size(const DomainRecord& record)
{
    auto fits = check_definition_size(record.seen.facts);
    if (!fits) {
        return Error{.code = fits.error().code,
                     .message = printable(record.seen.facts.name) + ": " + fits.error().message};
    }
    return fits;
}

} // namespace virtpind
