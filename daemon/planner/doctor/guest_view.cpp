// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_view.hpp"

#include "common/base/by_id.hpp"
#include "common/base/printable.hpp"
#include "common/model/part_table.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// Nodes nearer than this count as one: what L3s shown as nodes have.
constexpr std::uint32_t near_distance_max = 11;

// libvirt gives a thread without a pin those of <vcpu cpuset>, else all.
std::optional<CpuSet> mask_of(const std::optional<CpuSet>& pin, const PinSet& pins,
                              const CpuSet& online)
{
    auto mask = pin ? pin : pins.vcpu_cpuset;
    if (!mask || mask->empty() || mask->includes(online)) {
        return std::nullopt;
    }
    return *mask & online;
}

template <class Id>
std::optional<CpuSet> pin_of(const std::map<Id, CpuSet>& pins, Id id)
{
    const auto at = pins.find(id);
    return at == pins.end() ? std::nullopt : std::optional{at->second};
}

// Whether all pins in force of vCPUs that can run are what the domain's note says was written. The
// note goes with the policy, which may be one of the configuration or of this run of the service.
bool has_pins_of_its_policy(const GuestView& guest)
{
    const auto& note =
        guest.seen->running ? guest.seen->running_note() : guest.seen->definition_note();
    if (!note) {
        return false;
    }
    return std::all_of(guest.vcpus.begin(), guest.vcpus.end(), [&](VcpuId vcpu) {
        const auto pin = guest.pins.vcpus.find(vcpu);
        const auto part = note->parts.find(name_of(DefinitionPart::vcpupin, raw(vcpu)));
        if (pin == guest.pins.vcpus.end() || part == note->parts.end()) {
            return false;
        }
        const auto& ours = part->second.ours;
        return std::find(ours.begin(), ours.end(), pin->second.str()) != ours.end();
    });
}

} // namespace

std::optional<CoreIndex> GuestView::core_of(const CpuSet& used) const
{
    const auto* const first = used.empty() ? nullptr : host->find(used.front());
    if (first == nullptr || !at_id(host->cores, first->core).cpus.includes(used)) {
        return std::nullopt;
    }
    return first->core;
}

std::optional<L3Index> GuestView::l3_of(const CpuSet& used) const
{
    const auto* const first = used.empty() ? nullptr : host->find(used.front());
    if (first == nullptr || !at_id(host->l3s, first->l3).cpus.includes(used)) {
        return std::nullopt;
    }
    return first->l3;
}

std::vector<GuestCore> GuestView::cores() const
{
    return guest_cores(vcpus, std::max(topology.threads, 1U));
}

GuestView view_of(const Topology& host, const ObservedDomain& seen)
{
    GuestView view{.host = &host, .seen = &seen};
    view.details =
        seen.definition && seen.definition->details ? &*seen.definition->details : nullptr;
    view.cpus = seen.defined_cpus();
    view.shape_known = view.cpus == nullptr || view.cpus->overrides.shape.empty();
    view.name = printable(seen.facts.name);
    view.pins = seen.pins_in_force();
    view.vcpus = seen.facts.active() ? seen.facts.vcpus_online : seen.boot_vcpus();
    view.topology = seen.facts.topology.value_or(GuestTopology{.sockets = seen.facts.vcpus_max});
    const auto online = host.online_cpus();
    view.pinned = true;
    for (const auto vcpu : view.vcpus) {
        auto mask = mask_of(pin_of(view.pins.vcpus, vcpu), view.pins, online);
        const auto in_core = mask && view.core_of(*mask);
        view.pinned = view.pinned && mask && (mask->empty() || in_core);
        if (in_core) {
            view.own |= *mask;
        }
        if (mask) {
            view.masks.emplace(vcpu, std::move(*mask));
        }
    }
    view.pinned = view.pinned && !view.own.empty();
    view.placed = !view.vcpus.empty() && has_pins_of_its_policy(view);
    view.emulator = mask_of(view.pins.emulator, view.pins, online);
    for (const auto id : seen.facts.iothreads) {
        if (auto mask = mask_of(pin_of(view.pins.iothreads, id), view.pins, online)) {
            view.iothreads.emplace(id, std::move(*mask));
        }
    }
    return view;
}

std::vector<NodeSet> far_nodes(const Topology& host, const CpuSet& cpus)
{
    std::vector<NodeSet> groups;
    for (const auto& node : host.nodes) {
        if (!node.cpus.intersects(cpus)) {
            continue;
        }
        const auto is_near = [&](const NodeSet& group) {
            const auto index = static_cast<std::size_t>(&node - host.nodes.data());
            for (std::size_t i = 0; i < host.nodes.size(); ++i) {
                if (group.contains(host.nodes[i].id) &&
                    host.distance[i][index] > near_distance_max) {
                    return false;
                }
            }
            return true;
        };
        const auto at = std::find_if(groups.begin(), groups.end(), is_near);
        if (at == groups.end()) {
            groups.push_back(NodeSet{node.id});
        } else {
            at->insert(node.id);
        }
    }
    return groups;
}

bool are_near(const Topology& host, const CpuSet& a, const CpuSet& b)
{
    const auto groups = far_nodes(host, host.all_cpus());
    return std::any_of(groups.begin(), groups.end(), [&](const NodeSet& group) {
        const auto cpus = host.cpus_of(group);
        return cpus.intersects(a) && cpus.intersects(b);
    });
}

std::size_t threads_per_core(const Topology& host)
{
    const auto online = host.online_cpus();
    std::size_t most = 1;
    for (const auto& core : host.cores) {
        most = std::max(most, core.cpus.common(online));
    }
    return most;
}

bool has_smt(const Topology& host)
{
    return threads_per_core(host) > 1;
}

} // namespace virtpind
