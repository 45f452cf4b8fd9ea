// SPDX-License-Identifier: LGPL-2.1-or-later
#include "displacement.hpp"

#include "common/base/printable.hpp"

#include <utility>

namespace virtpind {

namespace {

// The plan that was in force for a domain that ran by it.
const DomainPlan* plan_before(const DomainRecord& record)
{
    const auto& decision = record.decision;
    const auto ran =
        decision.stance == Stance::managed && decision.intent.activity != Activity::dormant;
    return ran && record.plan ? &*record.plan : nullptr;
}

struct Change {
    DomainUuid uuid;
    CpuSet cpus;
};

bool has_lost(const DomainRecord& record, const DomainPlan& now)
{
    const auto* before = plan_before(record);
    return before != nullptr && before->satisfied && !now.satisfied;
}

// Whether it runs without what its policy asks for.
bool is_without(const Records& records, const DomainUuid& uuid)
{
    const auto* record = find_record(records, uuid);
    return record != nullptr && record->seen.facts.active() &&
           record->decision.stance == Stance::managed && record->plan && !record->plan->satisfied;
}

bool has_claim(const Records& records, const DomainUuid& uuid)
{
    const auto* record = find_record(records, uuid);
    return record != nullptr && record->seen.facts.active() && record->plan &&
           !record->plan->claim.empty();
}

} // namespace

Displacements find_displaced(const Records& records, const Plan& plan)
{
    std::vector<Change> gains;
    std::vector<Change> losses;
    for (const auto& now : plan.domains) {
        const auto* record = find_record(records, now.uuid);
        if (record == nullptr || !record->seen.facts.active()) {
            continue;
        }
        const auto* before = plan_before(*record);
        if (auto gained = before != nullptr ? now.claim - before->claim : now.claim;
            now.placement == Placement::dedicated && !gained.empty()) {
            gains.push_back({.uuid = now.uuid, .cpus = std::move(gained)});
        }
        if (has_lost(*record, now)) {
            losses.push_back({.uuid = now.uuid, .cpus = before->vcpu_cpus()});
        }
    }
    Displacements displaced;
    for (const auto& gain : gains) {
        for (const auto& loss : losses) {
            if (gain.uuid != loss.uuid && gain.cpus.intersects(loss.cpus)) {
                displaced[gain.uuid].push_back(loss.uuid);
            }
        }
    }
    return displaced;
}

void note_displaced(Records& records, const Displacements& displaced)
{
    for (auto& [uuid, record] : records) {
        const auto keeps_cpus = has_claim(records, uuid);
        std::erase_if(record.displaced, [&records, keeps_cpus](const auto& loser) {
            return !keeps_cpus || !is_without(records, loser.first);
        });
        record.displaced_by.clear();
    }
    for (const auto& [winner, losers] : displaced) {
        auto& record = records.at(winner);
        for (const auto& uuid : losers) {
            auto name = printable(records.at(uuid).seen.facts.name);
            if (record.displaced.emplace(uuid, name).second &&
                record.newly_displaced.size() < displaced_names_max) {
                record.newly_displaced.push_back(std::move(name));
            }
        }
    }
    for (const auto& [uuid, record] : records) {
        for (const auto& [loser, name] : record.displaced) {
            records.at(loser).displaced_by.emplace(uuid, printable(record.seen.facts.name));
        }
    }
}

std::vector<std::string> names_of(const Records& records, const std::vector<DomainUuid>& displaced)
{
    std::vector<std::string> names;
    for (const auto& uuid : displaced) {
        const auto* record = find_record(records, uuid);
        if (record != nullptr && names.size() < displaced_names_max) {
            names.push_back(printable(record->seen.facts.name));
        }
    }
    return names;
}

} // namespace virtpind
