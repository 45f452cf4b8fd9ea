// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_shape.hpp"

#include "common/model/domain.hpp"

#include <algorithm>

namespace virtpind {

namespace {

constexpr std::uint32_t stand_in_threads = 2;

// Its topology has a core for each vCPU online.
bool has_one_per_core(const Intent& intent)
{
    if (!intent.topology) {
        return false;
    }
    const auto threads = std::max(intent.topology->threads, 1U);
    auto last = static_cast<std::uint32_t>(-1);
    for (const auto vcpu : intent.vcpus_online) {
        if (raw(vcpu) / threads == last) {
            return false;
        }
        last = raw(vcpu) / threads;
    }
    return true;
}

} // namespace

std::vector<VcpuSet> cells_of(const Intent& intent)
{
    std::vector<VcpuSet> cells;
    if (intent.cells.size() < 2) {
        return cells;
    }
    auto unnamed = intent.vcpus_online;
    for (const auto& cell : intent.cells) {
        cells.push_back(cell.vcpus & intent.vcpus_online);
        unnamed -= cell.vcpus;
    }
    cells.front() |= unnamed;
    return cells;
}

std::size_t GuestShape::sibling_cores() const
{
    if (!siblings_matter) {
        return 0;
    }
    return static_cast<std::size_t>(std::count_if(
        cores.begin(), cores.end(), [](const auto& core) { return core.size() > 1; }));
}

std::size_t GuestShape::cells_online() const
{
    return static_cast<std::size_t>(std::count_if(
        cells.begin(), cells.end(), [](const VcpuSet& cell) { return !cell.empty(); }));
}

std::size_t GuestShape::smallest_sibling_core() const
{
    std::size_t smallest = 0;
    for (const auto& core : cores) {
        if (siblings_matter && core.size() > 1 && (smallest == 0 || core.size() < smallest)) {
            smallest = core.size();
        }
    }
    return std::max<std::size_t>(smallest, 1);
}

GuestShape guest_shape(const Intent& intent)
{
    GuestShape shape;
    shape.siblings_matter = siblings_matter(intent);
    shape.cores =
        guest_cores(intent.vcpus_online,
                    intent.topology ? std::max(intent.topology->threads, 1U) : stand_in_threads);
    shape.cells = cells_of(intent);
    shape.vcpus = intent.vcpus_online.size();
    return shape;
}

bool wishes_own_cores(const Intent& intent)
{
    const auto& policy = intent.policy;
    const auto by_policy =
        policy.smt == SmtChoice::automatic
            ? policy.topology != TopologyChoice::host
            : policy.smt == SmtChoice::require && policy.topology == TopologyChoice::match;
    return by_policy && has_one_per_core(intent);
}

std::vector<CellCpus> cpus_by_cell(const Intent& intent, const std::map<VcpuId, CpuId>& pins)
{
    std::vector<CellCpus> cells;
    auto unnamed = VcpuSet::range(0, intent.vcpus_max - 1);
    for (const auto& cell : intent.cells) {
        cells.push_back({.vcpus = cell.vcpus & unnamed, .cpus = {}});
        unnamed -= cell.vcpus;
    }
    if (cells.size() < 2) {
        return {};
    }
    cells.front().vcpus |= unnamed;
    for (auto& [vcpus, cpus] : cells) {
        for (const auto& [vcpu, cpu] : pins) {
            if (vcpus.contains(vcpu)) {
                cpus.insert(cpu);
            }
        }
    }
    std::erase_if(cells, [](const auto& cell) { return cell.cpus.empty(); });
    return cells;
}

} // namespace virtpind
