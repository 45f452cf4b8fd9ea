// SPDX-License-Identifier: LGPL-2.1-or-later
// What a caller can get wrong in a plan request.
#include "planner.hpp"

#include <set>
#include <string>

namespace virtpind {

namespace {

Error bad(const std::string& field, const std::string& why)
{
    return Error{.code = Errc::invalid_argument, .message = field + ": " + why};
}

std::string cpus_known(const Topology& topology)
{
    return "the host has " + topology.all_cpus().str();
}

Result<void> check_cpus(const Topology& topology, const std::string& field, const CpuSet& cpus)
{
    const auto unknown = cpus - topology.all_cpus();
    if (!unknown.empty()) {
        return bad(field, "no such CPU: " + unknown.str() + "; " + cpus_known(topology));
    }
    return {};
}

Result<void> check_vcpus(const Intent& intent, const std::string& field)
{
    if (intent.vcpus_max == 0 || intent.vcpus_max > id_set_limit) {
        return bad(field + ".max-vcpus", std::to_string(intent.vcpus_max) + " is not within 1 to " +
                                             std::to_string(id_set_limit));
    }
    if (intent.vcpus_online.empty()) {
        return bad(field + ".vcpus", "no vCPU is online; at least one must be");
    }
    if (raw(intent.vcpus_online.back()) >= intent.vcpus_max) {
        return bad(field + ".vcpus", "vCPU " + std::to_string(raw(intent.vcpus_online.back())) +
                                         " is beyond max-vcpus " +
                                         std::to_string(intent.vcpus_max));
    }
    if (intent.topology && intent.topology->product() != intent.vcpus_max) {
        return bad(field + ".topology", "sockets x dies x clusters x cores x threads is " +
                                            std::to_string(intent.topology->product()) +
                                            ", but max-vcpus is " +
                                            std::to_string(intent.vcpus_max) + "; make them equal");
    }
    return {};
}

Result<void> check_cells(const Intent& intent, const std::string& field)
{
    VcpuSet seen;
    std::set<std::uint32_t> ids;
    for (const auto& cell : intent.cells) {
        const auto where = field + ".cells[" + std::to_string(cell.id) + "]";
        if (!ids.insert(cell.id).second) {
            return bad(where, "two cells have this id; ids must differ");
        }
        if (!cell.vcpus.empty() && raw(cell.vcpus.back()) >= intent.vcpus_max) {
            return bad(where + ".vcpus", "vCPU " + std::to_string(raw(cell.vcpus.back())) +
                                             " is beyond max-vcpus " +
                                             std::to_string(intent.vcpus_max));
        }
        if (cell.vcpus.intersects(seen)) {
            return bad(where + ".vcpus", "vCPUs " + (cell.vcpus & seen).str() +
                                             " are in two cells; each belongs to one");
        }
        seen |= cell.vcpus;
    }
    return {};
}

Result<void> check_policy(const Topology& topology, const Policy& policy, const std::string& field)
{
    if (auto ok = check_cpus(topology, field + ".cpus", policy.cpus); !ok) {
        return ok;
    }
    if (auto ok = check_cpus(topology, field + ".emulator", policy.emulator.cpus); !ok) {
        return ok;
    }
    return check_cpus(topology, field + ".iothreads", policy.iothreads.cpus);
}

Result<void> check_intent(const Topology& topology, const Intent& intent, const std::string& field)
{
    if (auto ok = check_vcpus(intent, field); !ok) {
        return ok;
    }
    if (auto ok = check_cells(intent, field); !ok) {
        return ok;
    }
    if (auto ok = check_policy(topology, intent.policy, field + ".policy"); !ok) {
        return ok;
    }
    for (const auto& device : intent.devices) {
        for (const auto node : device.nodes) {
            if (topology.find_node(node) == nullptr) {
                return bad(field + ".devices",
                           "no such node: " + std::to_string(raw(node)) + " of " + device.label);
            }
        }
    }
    return {};
}

} // namespace

Result<void> validate_request(const PlanRequest& request)
{
    const auto& topology = *request.topology;
    if (request.usable) {
        if (auto ok = check_cpus(topology, "usable", *request.usable); !ok) {
            return ok;
        }
    }
    if (request.housekeeping) {
        if (auto ok = check_cpus(topology, "housekeeping", *request.housekeeping); !ok) {
            return ok;
        }
    }
    std::set<DomainUuid> uuids;
    for (std::size_t i = 0; i < request.intents.size(); ++i) {
        const auto& intent = request.intents[i];
        const auto field = "domains[" + std::to_string(i) + "]";
        if (!uuids.insert(intent.uuid).second) {
            return bad(field + ".uuid",
                       intent.uuid.str() + " is the uuid of two domains; each needs its own");
        }
        if (auto ok = check_intent(topology, intent, field); !ok) {
            return ok;
        }
    }
    return {};
}

} // namespace virtpind
