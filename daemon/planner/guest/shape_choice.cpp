// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shape_choice.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

std::optional<GuestLayout> fitting(const ShapeTask& task, const Frame& frame)
{
    const auto most = std::max(vcpus_max_without_eim, task.vcpus_max);
    auto layout = lay_out(task.seats, frame);
    return layout && layout->topology.product() <= most ? std::move(layout) : std::nullopt;
}

} // namespace

bool has_true_host_caches(const Topology& topology, const GuestLayout& layout,
                          const CacheSharing& shown)
{
    return predict_guest_caches(layout.topology, layout.enabled(), cpu_vendor(topology.vendor),
                                shown) == real_caches(topology, layout.cpus);
}

bool has_true_emulated_l3s(const Topology& topology, const GuestLayout& layout)
{
    return predict_emulated_caches(layout.topology, layout.enabled()).l3 ==
           real_caches(topology, layout.cpus).l3;
}

std::optional<GuestLayout> layout_with_host_caches(const ShapeTask& task, const CacheSharing& shown)
{
    for (const auto& frame :
         possible_frames(task.topology, task.seats, task.choice, padded(shown.l3))) {
        if (auto layout = fitting(task, frame);
            layout && has_true_host_caches(task.topology, *layout, shown)) {
            return layout;
        }
    }
    return std::nullopt;
}

std::optional<GuestLayout> layout_with_emulated_caches(const ShapeTask& task)
{
    std::optional<GuestLayout> first;
    for (const auto& frame :
         possible_frames(task.topology, task.seats, task.choice, std::nullopt)) {
        auto layout = fitting(task, frame);
        if (layout && has_true_emulated_l3s(task.topology, *layout)) {
            return layout;
        }
        if (!first) {
            first = std::move(layout);
        }
    }
    return first;
}

std::optional<ReasonArguments> fault_of_start_caches(const Topology& topology,
                                                     const std::map<VcpuId, CpuId>& pins,
                                                     const CpuSet& start, bool realtime)
{
    const auto size_at = [&topology](CpuId cpu) {
        return at_id(topology.l3s, topology.cpu(cpu).l3).size_bytes;
    };
    const auto first = pins.begin()->second;
    if (std::any_of(topology.caches.begin(), topology.caches.end(),
                    [](const Cache& cache) { return cache.cpus.empty(); })) {
        return ReasonArguments{{"why", ReasonPhrase::caches_unknown}};
    }
    if (topology.is_hybrid()) {
        return ReasonArguments{{"why", ReasonPhrase::unlike_kinds}};
    }
    if (std::any_of(pins.begin(), pins.end(),
                    [&](const auto& pin) { return size_at(pin.second) != size_at(first); })) {
        return ReasonArguments{{"why", ReasonPhrase::unlike_l3_sizes}};
    }
    const auto sharing = cache_sharing(topology, first);
    if (std::any_of(start.begin(), start.end(), [&](CpuId cpu) {
            return size_at(cpu) != size_at(first) || cache_sharing(topology, cpu) != sharing;
        })) {
        return ReasonArguments{
            {"why", ReasonPhrase::unlike_start}, {"start", start}, {"realtime", realtime}};
    }
    // Siblings that are offline (nosmt) still count in CPUID, and nothing tells whose siblings
    // they are.
    if (topology.online_cpus() != topology.all_cpus()) {
        return ReasonArguments{{"why", ReasonPhrase::cpus_offline}};
    }
    return std::nullopt;
}

std::map<VcpuId, CpuId> pins_of(const std::vector<Seat>& seats)
{
    std::map<VcpuId, CpuId> pins;
    for (const auto& seat : seats) {
        pins.emplace(VcpuId{static_cast<std::uint32_t>(pins.size())}, seat.cpu);
    }
    return pins;
}

} // namespace virtpind
