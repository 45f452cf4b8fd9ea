// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_layout.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace virtpind {

namespace {

// The keys that order CPUs, and the packages, L3s and cores around them. Those are ordered by the
// first cell that they serve.
struct Order {
    std::tuple<std::uint32_t, PackageIndex> package;
    std::tuple<std::uint32_t, NodeIndex, L3Index> l3;
    std::tuple<std::uint32_t, std::size_t, CoreIndex> core;
    CpuId cpu{};
    friend auto operator<=>(const Order&, const Order&) = default;
};

class Sorter {
public:
    Sorter(const Topology& topology, const CpuSet& cpus, const CellOfCpu& cell_of)
        : topology_{topology}, cpus_{cpus}, cell_of_{cell_of}
    {}

    [[nodiscard]] std::vector<Order> sorted() const
    {
        std::vector<Order> orders;
        for (const auto id : cpus_) {
            const auto& cpu = topology_.cpu(id);
            const auto& l3 = at_id(topology_.l3s, cpu.l3).cpus;
            const auto& core = at_id(topology_.cores, cpu.core).cpus;
            orders.push_back(
                {.package = {first_cell(at_id(topology_.packages, cpu.package).cpus), cpu.package},
                 .l3 = {first_cell(l3), topology_.cpu((l3 & cpus_).front()).node, cpu.l3},
                 .core = {first_cell(core), missing(core), cpu.core},
                 .cpu = id});
        }
        std::sort(orders.begin(), orders.end());
        return orders;
    }

private:
    [[nodiscard]] std::uint32_t first_cell(const CpuSet& around) const
    {
        auto first = std::numeric_limits<std::uint32_t>::max();
        for (const auto& [cpu, cell] : cell_of_) {
            first = around.contains(cpu) ? std::min(first, cell) : first;
        }
        return first;
    }

    [[nodiscard]] std::size_t missing(const CpuSet& core) const
    {
        return core.size() - core.common(cpus_);
    }

    const Topology& topology_;
    const CpuSet& cpus_;
    const CellOfCpu& cell_of_;
};

// One die in which an L3 begins every `step` cores.
Frame stepped_frame(const std::vector<Seat>& seats, std::uint32_t step, std::uint32_t threads,
                    std::uint32_t cores_least)
{
    auto cores = cores_least;
    for (const auto& seat : seats) {
        cores = std::max(cores, seat.l3 * step + seat.core + 1);
    }
    return {1, cores, threads, step};
}

// All of the packages that the domain is on.
Extent host_extent(const Topology& topology, const std::vector<Seat>& seats)
{
    CpuSet around;
    for (const auto& seat : seats) {
        around |= at_id(topology.packages, topology.cpu(seat.cpu).package).cpus;
    }
    return extent_of(seat_cpus(topology, around & topology.online_cpus(), {}));
}

} // namespace

std::vector<Seat> seat_cpus(const Topology& topology, const CpuSet& cpus, const CellOfCpu& cell_of)
{
    std::vector<Seat> seats;
    Order last;
    for (const auto& order : Sorter{topology, cpus, cell_of}.sorted()) {
        Seat seat;
        if (!seats.empty()) {
            seat = seats.back();
            if (order.package != last.package) {
                seat = {.package = seat.package + 1};
            } else if (order.l3 != last.l3) {
                seat = {.package = seat.package, .l3 = seat.l3 + 1};
            } else if (order.core != last.core) {
                ++seat.core;
                seat.thread = 0;
            } else {
                ++seat.thread;
            }
        }
        seat.cpu = order.cpu;
        seats.push_back(seat);
        last = order;
    }
    return seats;
}

Extent extent_of(const std::vector<Seat>& seats)
{
    Extent extent;
    std::uint32_t package = 0;
    std::uint32_t package_cores = 0;
    for (const auto& seat : seats) {
        if (seat.package != package) {
            package = seat.package;
            package_cores = 0;
        }
        package_cores += seat.thread == 0 ? 1 : 0;
        extent.packages = std::max(extent.packages, seat.package + 1);
        extent.l3s = std::max(extent.l3s, seat.l3 + 1);
        extent.cores = std::max(extent.cores, seat.core + 1);
        extent.threads = std::max(extent.threads, seat.thread + 1);
        extent.package_cores = std::max(extent.package_cores, package_cores);
    }
    return extent;
}

std::vector<Frame> possible_frames(const Topology& topology, const std::vector<Seat>& seats,
                                   TopologyChoice choice, std::optional<std::uint32_t> l3_block)
{
    const auto used = extent_of(seats);
    const auto host = host_extent(topology, seats);
    std::vector<Frame> frames;
    const auto add_stepped = [&](std::uint32_t threads, std::uint32_t cores_least) {
        if (l3_block && *l3_block >= threads) {
            frames.push_back(stepped_frame(seats, *l3_block / threads, threads, cores_least));
        }
    };
    if (choice == TopologyChoice::host) {
        frames.push_back({1, host.package_cores, host.threads, host.cores});
        frames.push_back({host.l3s, host.cores, host.threads, host.cores});
        add_stepped(host.threads, host.package_cores);
    }
    // CPUID of the host counts idle siblings, too: a guest that has them is right about its caches.
    for (const auto threads : {used.threads, host.threads}) {
        frames.push_back({used.l3s, used.cores, threads, used.cores});
        add_stepped(threads, 1);
    }
    return frames;
}

VcpuSet GuestLayout::enabled() const
{
    VcpuSet vcpus;
    for (const auto& [vcpu, cpu] : cpus) {
        vcpus.insert(vcpu);
    }
    return vcpus;
}

std::optional<GuestLayout> lay_out(const std::vector<Seat>& seats, const Frame& frame)
{
    const auto package_cores = frame.dies * frame.cores;
    GuestLayout layout;
    layout.topology = {.sockets = extent_of(seats).packages,
                       .dies = frame.dies,
                       .cores = frame.cores,
                       .threads = frame.threads};
    if (layout.topology.product() > id_set_limit) {
        return std::nullopt;
    }
    for (const auto& seat : seats) {
        const auto core = seat.l3 * frame.l3_step + seat.core;
        if (seat.core >= frame.l3_step || core >= package_cores || seat.thread >= frame.threads) {
            return std::nullopt;
        }
        const auto vcpu = (seat.package * package_cores + core) * frame.threads + seat.thread;
        layout.cpus.emplace(VcpuId{vcpu}, seat.cpu);
    }
    return layout;
}

bool mirrors_cores(const Topology& topology, const GuestLayout& layout)
{
    const auto socket_vcpus =
        static_cast<std::uint32_t>(layout.topology.product()) / layout.topology.sockets;
    std::map<std::uint32_t, CoreIndex> cores;
    std::map<std::uint32_t, PackageIndex> packages;
    std::set<CoreIndex> used_cores;
    std::set<PackageIndex> used_packages;
    for (const auto& [vcpu, id] : layout.cpus) {
        const auto& cpu = topology.cpu(id);
        const auto core = cores.emplace(raw(vcpu) / layout.topology.threads, cpu.core).first;
        const auto package = packages.emplace(raw(vcpu) / socket_vcpus, cpu.package).first;
        if (core->second != cpu.core || package->second != cpu.package) {
            return false;
        }
        used_cores.insert(cpu.core);
        used_packages.insert(cpu.package);
    }
    return used_cores.size() == cores.size() && used_packages.size() == packages.size();
}

GuestTopology with_headroom(GuestTopology topology, std::uint32_t vcpus)
{
    auto& last = topology.sockets > 1 ? topology.sockets
                 : topology.dies > 1  ? topology.dies
                                      : topology.cores;
    const auto unit = static_cast<std::uint32_t>(topology.product()) / last;
    const auto rounded_up = (vcpus + unit - 1) / unit;
    const auto needs_eim =
        vcpus <= vcpus_max_without_eim && rounded_up * unit > vcpus_max_without_eim;
    last = std::max(last, needs_eim ? vcpus_max_without_eim / unit : rounded_up);
    return topology;
}

} // namespace virtpind
