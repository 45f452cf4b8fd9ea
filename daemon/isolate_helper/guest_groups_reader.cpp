// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_groups_reader.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t groups_max = 4096; // in one group; a host has far fewer guests
constexpr std::size_t devices_max = 16384;
constexpr std::size_t cores_for_floor = 4; // a smaller node need not keep one
constexpr std::string_view bridge_class = "0x06";

CpuSet read_cpus(const HostDir& folder, const std::string& file,
                 HostDir::Links links = HostDir::Links::none)
{
    const auto text = folder.read(file, links);
    auto cpus = text ? CpuSet::parse(*text) : Result<CpuSet>{CpuSet{}};
    return cpus ? std::move(*cpus) : CpuSet{};
}

Error no_cpusets(const std::string& what)
{
    return {.code = Errc::unsupported, .message = what, .native_code = 1};
}

ThreadGroup read_thread(const HostDir& group)
{
    return {.pins = read_cpus(group, "cpuset.cpus"),
            .exclusive = read_cpus(group, "cpuset.cpus.exclusive"),
            .partition = group.read("cpuset.cpus.partition").ok()
                             ? *group.read("cpuset.cpus.partition")
                             : std::string{}};
}

// A guest that ends meanwhile has no threads any more.
Result<GuestGroups> read_guest(const HostDir& scope)
{
    GuestGroups guest{.exclusive = read_cpus(scope, "cpuset.cpus.exclusive"), .threads = {}};
    const auto inner = scope.open_below(threads_group);
    const auto names = inner ? inner->folders(groups_max)
                             : Result<std::vector<std::string>>{std::vector<std::string>{}};
    if (!names) {
        return names.error();
    }
    for (const auto& name : *names) {
        const auto thread = name == idle_group ? std::string{idle_thread} : name;
        if (name == idle_thread || !is_isolated_thread(thread)) {
            continue;
        }
        if (const auto group = inner->open_below(name)) {
            guest.threads.emplace(thread, read_thread(*group));
        }
    }
    return guest;
}

Result<void> read_guests(const HostDir& machine, IsolationHost& host)
{
    const auto names = machine.folders(groups_max);
    if (!names) {
        return names.error();
    }
    for (const auto& name : *names) {
        const auto scope = machine.open_below(name);
        if (!scope) {
            continue; // it has ended
        }
        if (!is_guest_scope(name)) {
            host.others.emplace(name, read_cpus(*scope, "cpuset.cpus"));
            host.isolated |= read_cpus(*scope, "cpuset.cpus.exclusive");
            continue;
        }
        auto guest = read_guest(*scope);
        if (!guest) {
            return std::move(guest).error();
        }
        host.isolated |= isolated_cpus_of(*guest);
        host.guests.emplace(name, std::move(*guest));
    }
    return {};
}

// The nodes with devices that the host serves: bridges serve none, and what a guest has is bound to
// the driver for that.
NodeSet nodes_with_devices(const HostDir& sys)
{
    NodeSet nodes;
    const auto devices = sys.open_below("bus/pci/devices");
    const auto names = devices ? devices->folders(devices_max, HostDir::Links::below)
                               : Result<std::vector<std::string>>{std::vector<std::string>{}};
    for (const auto& name : names ? *names : std::vector<std::string>{}) {
        const auto path = "bus/pci/devices/" + name;
        const auto device = sys.open_below(path, HostDir::Links::below);
        if (!device) {
            continue;
        }
        const auto kind = device->read("class");
        const auto node = device->read("numa_node");
        if (!kind || !node || kind->starts_with(bridge_class) ||
            device->link_name("driver") == "vfio-pci") {
            continue;
        }
        if (const auto found = NodeSet::parse(*node)) { // "-1" is none
            nodes |= *found;
        }
    }
    return nodes;
}

HostFloor read_floor(const HostDir& sys, const CpuSet& online)
{
    HostFloor floor;
    CpuSet seen;
    for (const auto cpu : online) {
        const auto path = "devices/system/cpu/cpu" + std::to_string(raw(cpu)) + "/topology/";
        if (seen.contains(cpu)) {
            continue;
        }
        auto core = read_cpus(sys, path + "thread_siblings_list") & online;
        core.insert(cpu);
        seen |= core;
        floor.cores.push_back(std::move(core));
    }
    const auto nodes = nodes_with_devices(sys);
    for (const auto node : nodes) {
        auto cpus =
            read_cpus(sys, "devices/system/node/node" + std::to_string(raw(node)) + "/cpulist") &
            online;
        const auto cores = std::count_if(floor.cores.begin(), floor.cores.end(),
                                         [&](const CpuSet& core) { return core.intersects(cpus); });
        if (static_cast<std::size_t>(cores) >= cores_for_floor) {
            floor.nodes.push_back(std::move(cpus));
        }
    }
    return floor;
}

} // namespace

Result<IsolationHost> read_isolation_host(const HostDir& cgroups, const HostDir& sys)
{
    if (!cgroups.read("cgroup.controllers")) {
        return Error{.code = Errc::unsupported, .message = "the host has no cgroup v2"};
    }
    const auto machine = cgroups.open_below(machine_slice);
    if (!machine) {
        return IsolationHost{}; // no guest has run yet
    }
    if (!machine->read("cpuset.cpus")) {
        return no_cpusets("machine.slice has no cpuset controller");
    }
    if (!machine->read("cpuset.cpus.exclusive")) {
        return Error{.code = Errc::unsupported,
                     .message = "the kernel has no cpuset partitions below others"};
    }
    IsolationHost host;
    host.isolated = read_cpus(cgroups, "cpuset.cpus.isolated");
    if (auto read = read_guests(*machine, host); !read) {
        return std::move(read).error();
    }
    host.online = read_cpus(sys, "devices/system/cpu/online");
    if (host.online.empty()) {
        host.online = read_cpus(cgroups, "cpuset.cpus.effective") | host.isolated;
    }
    host.floor = read_floor(sys, host.online);
    return host;
}

Result<HostDir> open_guest(const HostDir& cgroups, const std::string& scope)
{
    const auto machine = cgroups.open_below(machine_slice);
    if (!machine) {
        return machine.error();
    }
    return machine->open_below(scope);
}

} // namespace virtpind
