// SPDX-License-Identifier: LGPL-2.1-or-later
// What a caller can get wrong in a plan request.
#include "validate.hpp"

#include <set>
#include <string>
#include <utility>

namespace virtpind {

namespace {

using Fault = std::optional<IntentFault>;

std::optional<std::string> unknown_cpus(const Topology& topology, const CpuSet& cpus)
{
    const auto all = topology.all_cpus();
    const auto unknown = cpus - all;
    return unknown.empty()
               ? std::nullopt
               : std::optional{"no such CPU: " + unknown.str() + "; the host has " + all.str()};
}

Fault check_cpus(const Topology& topology, const char* field, const CpuSet& cpus)
{
    auto wrong = unknown_cpus(topology, cpus);
    return wrong ? Fault{{field, std::move(*wrong)}} : std::nullopt;
}

std::string beyond_max(VcpuId vcpu, std::uint32_t vcpus_max)
{
    return "vCPU " + std::to_string(raw(vcpu)) + " is beyond max-vcpus " +
           std::to_string(vcpus_max) + "; the last one is " + std::to_string(vcpus_max - 1);
}

Fault check_vcpus(const Topology& /*topology*/, const Intent& intent)
{
    if (intent.vcpus_max == 0 || intent.vcpus_max > id_set_limit) {
        return {{"max-vcpus", std::to_string(intent.vcpus_max) + " is not within 1 to " +
                                  std::to_string(id_set_limit)}};
    }
    if (intent.vcpus_online.empty()) {
        return {{"vcpus", "no vCPU is online; at least one must be"}};
    }
    if (const auto last = intent.all_online().back(); raw(last) >= intent.vcpus_max) {
        return {{"vcpus", beyond_max(last, intent.vcpus_max)}};
    }
    if (intent.topology && intent.topology->product() != intent.vcpus_max) {
        return {{"topology", "sockets x dies x clusters x cores x threads is " +
                                 std::to_string(intent.topology->product()) +
                                 ", but max-vcpus is " + std::to_string(intent.vcpus_max) +
                                 "; make them equal"}};
    }
    return std::nullopt;
}

Fault check_cells(const Topology& /*topology*/, const Intent& intent)
{
    VcpuSet seen;
    std::set<std::uint32_t> ids;
    for (const auto& cell : intent.cells) {
        const auto where = "cells[" + std::to_string(cell.id) + "]";
        if (!ids.insert(cell.id).second) {
            return {{where, "two cells have this id; ids must differ"}};
        }
        if (!cell.vcpus.empty() && raw(cell.vcpus.back()) >= intent.vcpus_max) {
            return {{where + ".vcpus", beyond_max(cell.vcpus.back(), intent.vcpus_max)}};
        }
        if (cell.vcpus.intersects(seen)) {
            return {{where + ".vcpus", "vCPUs " + (cell.vcpus & seen).str() +
                                           " are in two cells; each belongs to one"}};
        }
        seen |= cell.vcpus;
    }
    return std::nullopt;
}

Fault check_policy(const Topology& topology, const Intent& intent)
{
    const auto& policy = intent.policy;
    if (auto wrong = check_cpus(topology, "policy.cpus", policy.cpus)) {
        return wrong;
    }
    if (auto wrong = check_cpus(topology, "policy.emulator", policy.emulator.cpus)) {
        return wrong;
    }
    if (!policy.dedicated_vcpus.empty() && raw(policy.dedicated_vcpus.back()) >= intent.vcpus_max) {
        return {{"policy.dedicated-vcpus",
                 beyond_max(policy.dedicated_vcpus.back(), intent.vcpus_max)}};
    }
    return check_cpus(topology, "policy.iothreads", policy.iothreads.cpus);
}

Fault check_devices(const Topology& topology, const Intent& intent)
{
    const auto known = topology.all_nodes();
    for (std::size_t i = 0; i < intent.devices.size(); ++i) {
        const auto unknown = intent.devices[i].nodes - known;
        if (!unknown.empty()) {
            return {{"devices[" + std::to_string(i) + "].nodes",
                     "no such NUMA node: " + unknown.str() + "; the host has " + known.str()}};
        }
    }
    return std::nullopt;
}

Error bad(const std::string& field, const std::string& why)
{
    return Error{.code = Errc::invalid_argument, .message = field + ": " + why};
}

} // namespace

std::optional<IntentFault> find_fault(const Topology& topology, const Intent& intent, Names names)
{
    for (const auto check : {check_vcpus, check_cells, check_devices}) {
        if (auto wrong = check(topology, intent)) {
            return wrong;
        }
    }
    return names == Names::of_this_host ? check_policy(topology, intent) : std::nullopt;
}

Result<void> validate_request(const PlanRequest& request, Names names)
{
    const auto& topology = *request.topology;
    if (auto wrong = unknown_cpus(topology, request.usable.value_or(CpuSet{}))) {
        return bad("usable", *wrong);
    }
    if (auto wrong = unknown_cpus(topology, request.housekeeping.value_or(CpuSet{}))) {
        return bad("housekeeping", *wrong);
    }
    std::set<DomainUuid> uuids;
    for (std::size_t i = 0; i < request.intents.size(); ++i) {
        const auto& intent = request.intents[i];
        const auto field = "domains[" + std::to_string(i) + "].";
        if (!uuids.insert(intent.uuid).second) {
            return bad(field + "uuid",
                       intent.uuid.str() + " is the uuid of two domains; each needs its own");
        }
        if (const auto wrong = find_fault(topology, intent, names)) {
            return bad(field + wrong->field, wrong->what);
        }
    }
    return {};
}

} // namespace virtpind
