// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_groups_reader.hpp"

#include "common/base/messages.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t groups_max = 4096;   // in one group; a host has far fewer guests
constexpr std::size_t foreign_max = 65536; // containers of others, of which none is read
constexpr std::size_t slice_depth_max = 16;
constexpr std::size_t devices_max = 16384;
constexpr std::size_t cores_for_floor = 4; // a smaller node need not keep one
constexpr std::string_view bridge_class = "0x06";

// Whether a file is not there because its group, or its device, has ended meanwhile, or because the
// kernel has none of the kind.
bool is_gone(const Error& error)
{
    return error.native_code == ENOENT || error.native_code == ENODEV;
}

// What is gone has no CPUs. What is there and cannot be read, or makes no sense, is an error: taken
// for empty, it would grant what it forbids.
Result<CpuSet> read_cpus(const HostDir& folder, const std::string& file,
                         HostDir::Links links = HostDir::Links::none)
{
    const auto text = folder.read(file, links);
    if (!text) {
        return is_gone(text.error()) ? Result<CpuSet>{CpuSet{}} : text.error();
    }
    auto cpus = CpuSet::parse(*text);
    if (!cpus) {
        return Error{.code = Errc::invalid_argument,
                     .message = "'" + folder.path_of(file) + "' has " + in_quotes(*text) +
                                ", which are no CPUs"};
    }
    return cpus;
}

// The same, into `out`.
Result<void> add_cpus(const HostDir& folder, const std::string& file, CpuSet& out)
{
    const auto cpus = read_cpus(folder, file);
    if (!cpus) {
        return cpus.error();
    }
    out |= *cpus;
    return {};
}

bool is_slice(const std::string& name)
{
    return name.ends_with(".slice");
}

Error no_cpusets(const std::string& what)
{
    return {.code = Errc::unsupported, .message = what, .native_code = 1};
}

Result<ThreadGroup> read_thread(const HostDir& group)
{
    ThreadGroup thread;
    if (auto pins = add_cpus(group, "cpuset.cpus", thread.pins); !pins) {
        return std::move(pins).error();
    }
    if (auto own = add_cpus(group, "cpuset.cpus.exclusive", thread.exclusive); !own) {
        return std::move(own).error();
    }
    auto partition = group.read("cpuset.cpus.partition");
    if (!partition && !is_gone(partition.error())) {
        return std::move(partition).error();
    }
    thread.partition = partition ? std::move(*partition) : std::string{"member"};
    return thread;
}

// A guest that ends meanwhile has no threads any more.
Result<GuestGroups> read_guest(const HostDir& scope)
{
    GuestGroups guest;
    if (auto own = add_cpus(scope, "cpuset.cpus.exclusive", guest.exclusive); !own) {
        return std::move(own).error();
    }
    const auto inner = scope.open_below(threads_group);
    if (!inner) {
        return is_gone(inner.error()) ? Result<GuestGroups>{std::move(guest)} : inner.error();
    }
    const auto names = inner->folders(groups_max);
    if (!names) {
        return names.error();
    }
    for (const auto& name : *names) {
        const auto thread = name == idle_group ? std::string{idle_thread} : name;
        if (name == idle_thread || !is_isolated_thread(thread)) {
            continue;
        }
        const auto group = inner->open_below(name);
        if (!group && is_gone(group.error())) {
            continue;
        }
        auto read = group ? read_thread(*group) : Result<ThreadGroup>{group.error()};
        if (!read) {
            return std::move(read).error();
        }
        guest.threads.emplace(thread, std::move(*read));
    }
    return guest;
}

// A guest in another slice than machine.slice itself: the helper isolates none of its threads, but
// they are pinned all the same. `exclusive` is where what it has to itself belongs.
void add_pins(const std::string& scope, const GuestGroups& guest, IsolationHost& host,
              CpuSet& exclusive)
{
    for (const auto& [name, group] : guest.threads) {
        if (group.partition == "member") {
            host.others[name + " of " + scope] = group.pins;
        }
    }
    exclusive |= guest.exclusive;
}

enum class SliceKind {
    machine, // machine.slice: guests that may be isolated, and others
    below,   // one in there
    foreign, // any other: only guests are of interest, <partition>/prod</partition>
};

Result<void> read_slice(const HostDir& slice, SliceKind kind, std::size_t depth,
                        IsolationHost& host);

Result<void> read_group(const HostDir& group, const std::string& name, SliceKind kind,
                        std::size_t depth, IsolationHost& host)
{
    if (is_guest_scope(name)) {
        auto guest = read_guest(group);
        if (!guest) {
            return std::move(guest).error();
        }
        if (kind != SliceKind::machine) {
            add_pins(name, *guest, host,
                     kind == SliceKind::below ? host.others_exclusive : host.isolated);
            return {};
        }
        host.isolated |= isolated_cpus_of(*guest);
        host.guests.emplace(name, std::move(*guest));
        return {};
    }
    if (kind != SliceKind::foreign) {
        auto pins = add_cpus(group, "cpuset.cpus", host.others[name]);
        auto own = add_cpus(group, "cpuset.cpus.exclusive", host.others_exclusive);
        if (!pins || !own) {
            return pins ? own : pins;
        }
    }
    if (!is_slice(name)) {
        return {};
    }
    return read_slice(group, kind == SliceKind::machine ? SliceKind::below : kind, depth + 1, host);
}

Result<void> read_slice(const HostDir& slice, SliceKind kind, std::size_t depth,
                        IsolationHost& host)
{
    if (depth > slice_depth_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message =
                         "more than " + std::to_string(slice_depth_max) + " slices in each other"};
    }
    const auto names = slice.folders(kind == SliceKind::foreign ? foreign_max : groups_max);
    if (!names) {
        return is_gone(names.error()) ? Result<void>{} : names.error();
    }
    for (const auto& name : *names) {
        if (kind == SliceKind::foreign && !is_slice(name) && !is_guest_scope(name)) {
            continue;
        }
        const auto group = slice.open_below(name);
        if (!group && is_gone(group.error())) {
            continue;
        }
        auto read =
            group ? read_group(*group, name, kind, depth, host) : Result<void>{group.error()};
        if (!read) {
            return read;
        }
    }
    return {};
}

// machine.slice, and guests in all others. What local users make is in user.slice: they are not to
// decide how much there is to read.
Result<void> read_slices(const HostDir& cgroups, IsolationHost& host)
{
    const auto names = cgroups.folders(groups_max);
    if (!names) {
        return names.error();
    }
    for (const auto& name : *names) {
        if (!is_slice(name) || name == "user.slice") {
            continue;
        }
        const auto slice = cgroups.open_below(name);
        if (!slice && is_gone(slice.error())) {
            continue;
        }
        const auto kind = name == machine_slice ? SliceKind::machine : SliceKind::foreign;
        auto read = slice ? read_slice(*slice, kind, 1, host) : Result<void>{slice.error()};
        if (!read) {
            return read;
        }
    }
    return {};
}

// The nodes with devices that the host serves: bridges serve none, and what a guest has is bound to
// the driver for that.
Result<NodeSet> nodes_with_devices(const HostDir& sys)
{
    NodeSet nodes;
    const auto devices = sys.open_below("bus/pci/devices");
    if (!devices) {
        return is_gone(devices.error()) ? Result<NodeSet>{nodes} : devices.error();
    }
    const auto names = devices->folders(devices_max, HostDir::Links::below);
    if (!names) {
        return names.error();
    }
    for (const auto& name : *names) {
        const auto device = sys.open_below("bus/pci/devices/" + name, HostDir::Links::below);
        const auto kind = device ? device->read("class") : Result<std::string>{device.error()};
        const auto node = device ? device->read("numa_node") : Result<std::string>{device.error()};
        if (!kind || !node) {
            if (is_gone((kind ? node : kind).error())) {
                continue; // a kernel without nodes, or the device was taken out
            }
            return (kind ? node : kind).error();
        }
        if (kind->starts_with(bridge_class) || device->link_name("driver") == "vfio-pci") {
            continue;
        }
        if (const auto found = NodeSet::parse(*node)) { // "-1" is none
            nodes |= *found;
        }
    }
    return nodes;
}

Result<HostFloor> read_floor(const HostDir& sys, const CpuSet& online)
{
    HostFloor floor;
    CpuSet seen;
    for (const auto cpu : online) {
        const auto path = "devices/system/cpu/cpu" + std::to_string(raw(cpu)) + "/topology/";
        if (seen.contains(cpu)) {
            continue;
        }
        const auto siblings = read_cpus(sys, path + "thread_siblings_list");
        if (!siblings) {
            return siblings.error();
        }
        auto core = *siblings & online;
        core.insert(cpu);
        seen |= core;
        floor.cores.push_back(std::move(core));
    }
    const auto nodes = nodes_with_devices(sys);
    if (!nodes) {
        return nodes.error();
    }
    for (const auto node : *nodes) {
        const auto path = "devices/system/node/node" + std::to_string(raw(node)) + "/cpulist";
        auto cpus = read_cpus(sys, path);
        if (!cpus) {
            return std::move(cpus).error();
        }
        *cpus &= online;
        const auto cores =
            std::count_if(floor.cores.begin(), floor.cores.end(),
                          [&](const CpuSet& core) { return core.intersects(*cpus); });
        if (static_cast<std::size_t>(cores) >= cores_for_floor) {
            floor.nodes.push_back(std::move(*cpus));
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
    if (!machine) { // no guest has run yet?
        return is_gone(machine.error()) ? Result<IsolationHost>{IsolationHost{}} : machine.error();
    }
    if (!machine->read("cpuset.cpus")) {
        return no_cpusets("machine.slice has no cpuset controller");
    }
    if (!machine->read("cpuset.cpus.exclusive")) {
        return Error{.code = Errc::unsupported,
                     .message = "the kernel has no cpuset partitions below others"};
    }
    IsolationHost host;
    if (auto read = add_cpus(cgroups, "cpuset.cpus.isolated", host.isolated); !read) {
        return std::move(read).error();
    }
    if (auto read = read_slices(cgroups, host); !read) {
        return std::move(read).error();
    }
    host.isolated |= host.others_exclusive;
    if (auto read = add_cpus(sys, "devices/system/cpu/online", host.online); !read) {
        return std::move(read).error();
    }
    if (host.online.empty()) {
        return Error{.code = Errc::not_found, .message = "the host tells of no CPUs"};
    }
    auto floor = read_floor(sys, host.online);
    if (!floor) {
        return std::move(floor).error();
    }
    host.floor = std::move(*floor);
    return host;
}

Result<std::vector<std::string>> list_guest_scopes(const HostDir& cgroups)
{
    using Names = std::vector<std::string>;
    const auto machine = cgroups.open_below(machine_slice);
    auto names = machine ? machine->folders(groups_max) : Result<Names>{machine.error()};
    if (!names) {
        return is_gone(names.error()) ? Result<Names>{Names{}} : std::move(names);
    }
    std::erase_if(*names, [](const std::string& name) { return !is_guest_scope(name); });
    return names;
}

Result<GuestGroups> read_guest_groups(const HostDir& cgroups, const std::string& scope)
{
    const auto group = open_guest(cgroups, scope);
    if (!group) {
        return is_gone(group.error()) ? Result<GuestGroups>{GuestGroups{}} : group.error();
    }
    return read_guest(*group);
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
