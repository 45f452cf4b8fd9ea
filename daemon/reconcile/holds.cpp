// SPDX-License-Identifier: LGPL-2.1-or-later
#include "holds.hpp"

#include "common/base/printable.hpp"
#include "record_lookup.hpp"

#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t reason_bytes_max = 256;

} // namespace

Result<std::uint64_t> Holds::add(const DomainUuid& uuid, const std::string& reason,
                                 const std::string& owner)
{
    if (const auto known = record_to_change(reconciler_, uuid); !known) {
        return known.error();
    }
    if (reason.empty() || reason.size() > reason_bytes_max) {
        return Error{.code = Errc::invalid_argument,
                     .message = "the reason has " + std::to_string(reason.size()) +
                                " bytes; say in 1 to " + std::to_string(reason_bytes_max) +
                                " why the domain is to be left alone"};
    }
    auto& record = *reconciler_.find(uuid);
    if (record.holds.size() >= DomainRecord::holds_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "the domain is held " + std::to_string(DomainRecord::holds_max) +
                                " times already; Release one of them first"};
    }
    const auto cookie = ++last_cookie_;
    record.holds.emplace(cookie, Hold{.reason = printable(reason), .owner = owner});
    return cookie;
}

void Holds::hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
                 Reply<std::uint64_t> reply)
{
    const auto added = add(uuid, reason, owner);
    if (!added) {
        reply(added.error());
        return;
    }
    const auto before = reconciler_.find(uuid)->state;
    reconciler_.request_pass(uuid, [this, uuid, before, cookie = *added,
                                    reply = std::move(reply)](const Result<void>& passed) {
        const auto* record = reconciler_.find(uuid);
        // What is wrong with the domain itself is no reason not to leave it alone.
        if (passed || (record != nullptr && record->error == passed.error())) {
            reply(cookie);
            return;
        }
        take_away(uuid, cookie, before);
        reply(passed.error());
    });
}

// The pass has been shown with it.
void Holds::take_away(const DomainUuid& uuid, std::uint64_t cookie, PinState before)
{
    auto* record = reconciler_.find(uuid);
    if (record == nullptr || record->holds.erase(cookie) == 0) {
        return;
    }
    if (record->holds.empty() && record->state == PinState::held) {
        record->state = before; // until the next pass decides
    }
    reconciler_.publish();
}

std::optional<DomainUuid> Holds::held_under(std::uint64_t cookie) const
{
    for (const auto& [uuid, record] : reconciler_.records()) {
        if (record.holds.contains(cookie)) {
            return uuid;
        }
    }
    return std::nullopt;
}

template <class Ends>
bool Holds::end(const DomainUuid& uuid, Ends ends)
{
    auto& record = *reconciler_.find(uuid);
    const auto ended = std::erase_if(record.holds, ends) > 0;
    if (ended) {
        record.retry_now();
    }
    return ended;
}

Result<void> Holds::release(std::uint64_t cookie, const std::string& owner)
{
    for (const auto& [uuid, record] : reconciler_.records()) {
        const auto held = record.holds.find(cookie);
        if (held != record.holds.end() && held->second.owner == owner) {
            end(uuid, [cookie](const auto& entry) { return entry.first == cookie; });
            reconciler_.request_full_pass();
            return {};
        }
    }
    return Error{.code = Errc::invalid_argument,
                 .message = "no hold of this caller has cookie " + std::to_string(cookie) +
                            "; Hold returned another, or it has been released"};
}

void Holds::owner_vanished(const std::string& owner)
{
    const auto of_owner = [&owner](const auto& entry) { return entry.second.owner == owner; };
    auto any = false;
    for (const auto& [uuid, record] : reconciler_.records()) {
        any = end(uuid, of_owner) || any;
    }
    if (any) { // one pass for all of them, in which nobody else has to wait
        reconciler_.request_full_pass();
    }
}

} // namespace virtpind
