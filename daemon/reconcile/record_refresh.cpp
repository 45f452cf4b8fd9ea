// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record_refresh.hpp"

#include "common/model/parts.hpp"
#include "outcome.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

// A domain that cannot be read now is still on the CPUs that it was last seen on, as long as it
// runs.
void keep_what_was_seen(ObservedDomain& now, const ObservedDomain& before)
{
    const auto unreadable = !now.running && !now.definition;
    if (!unreadable || now.facts.uuid != before.facts.uuid || now.facts.id != before.facts.id) {
        return;
    }
    auto metadata = std::move(now.facts.metadata);
    const auto state = now.facts.state;
    now = before;
    now.facts.metadata = std::move(metadata);
    now.facts.state = state;
}

// Whether a definition with the parts `now` has anything that was written into it.
bool has_ours(const BeforeImage& before, const DefinitionParts& now)
{
    return std::any_of(now.begin(), now.end(),
                       [&](const auto& part) { return before.is_ours(now, part.first); });
}

// A policy that is set or reset over the bus is in `record.seen` already.
void look_for_lost_policy(DomainRecord& record, const ObservedDomain& now, std::uint64_t pass)
{
    const auto had = record.seen.definition && record.seen.facts.metadata.content.has_value();
    if (!had || !now.definition || now.facts.metadata.content || !record.storing.empty()) {
        return;
    }
    const auto wrote = record.before && !record.before->written.empty();
    note_lost_policy(record, wrote && !has_ours(*record.before, parts_of(now)), pass);
}

void refresh(DomainRecord& record, BeforeImages& images, ObservedDomain now, std::uint64_t pass)
{
    keep_what_was_seen(now, record.seen);
    record.forget_other_runs(now.facts.id, now.facts.vcpus_online);
    images.forget_former_run(record, now.facts.id);
    look_for_lost_policy(record, now, pass);
    record.seen = std::move(now);
    images.take_notes(record);
}

} // namespace

void refresh_records(Records& records, BeforeImages& images, std::vector<ObservedDomain>&& seen,
                     const std::set<DomainUuid>& ended, std::uint64_t pass)
{
    std::set<DomainUuid> present;
    for (auto& domain : seen) {
        const auto uuid = domain.facts.uuid;
        present.insert(uuid);
        auto [at, is_new] = records.try_emplace(uuid);
        if (is_new) {
            images.attach(at->second, uuid);
        }
        refresh(at->second, images, std::move(domain), pass);
    }
    for (auto at = records.begin(); at != records.end();) {
        if (present.contains(at->first)) {
            ++at;
            continue;
        }
        images.detach(at->second);
        at = records.erase(at);
    }
    for (const auto& uuid : ended) {
        if (!present.contains(uuid)) {
            images.forget_gone(uuid);
        }
    }
}

} // namespace virtpind
