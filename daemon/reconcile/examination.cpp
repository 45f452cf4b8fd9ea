// SPDX-License-Identifier: LGPL-2.1-or-later
#include "examination.hpp"

#include "daemon/planner/doctor/doctor.hpp"
#include "daemon/render/doctor_json.hpp"
#include "shortfall.hpp"

#include <algorithm>

namespace virtpind {

std::string examine_records(const Records& records, const Topology& topology,
                            const std::optional<DomainUuid>& uuid)
{
    DoctorFacts facts{.topology = &topology};
    facts.sees_all_guests = true;
    facts.host = HostFacts::not_known("the service does not look; virtpind doctor does");
    for (const auto& [id, record] : records) {
        const auto is_asked = !uuid || *uuid == id;
        (is_asked ? facts.guests : facts.others).push_back(record.seen);
        if (const auto less = shortfall_of(record); is_asked && less) {
            facts.unsatisfied.emplace(id, less->text);
        }
    }
    std::sort(facts.guests.begin(), facts.guests.end(),
              [](const ObservedDomain& a, const ObservedDomain& b) {
                  return a.facts.name < b.facts.name;
              });
    return diagnosis_to_json(examine(facts)).dump();
}

} // namespace virtpind
