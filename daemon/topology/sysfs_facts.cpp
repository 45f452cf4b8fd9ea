// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sysfs_facts.hpp"

#include "common/base/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t sysfs_bytes_max = 64 * 1024;

std::optional<std::uint64_t> parse_number(std::string_view text)
{
    const auto digit = text.find_first_of("0123456789");
    std::uint64_t number = 0;
    if (digit == std::string_view::npos ||
        std::from_chars(text.data() + digit, text.data() + text.size(), number).ec != std::errc{}) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint64_t> read_number(const fs::path& path)
{
    const auto text = read_text_file(path, sysfs_bytes_max);
    return text ? parse_number(*text) : std::nullopt;
}

template <class Set>
std::optional<Set> read_set(const fs::path& path)
{
    const auto text = read_text_file(path, sysfs_bytes_max);
    auto set = text ? Set::parse(*text) : Result<Set>{text.error()};
    return set ? std::optional{std::move(*set)} : std::nullopt;
}

std::optional<CpuSet> read_cpus(const fs::path& path)
{
    return read_set<CpuSet>(path);
}

fs::path node_folder(const fs::path& root, NodeId node)
{
    return root / "sys/devices/system/node" / ("node" + std::to_string(raw(node)));
}

// The kernel writes one number for each online node, in ascending order.
std::map<NodeId, std::uint32_t> read_distances(const fs::path& path, const NodeSet& online)
{
    std::map<NodeId, std::uint32_t> distances;
    const auto text = read_text_file(path, sysfs_bytes_max);
    std::istringstream numbers{text ? *text : std::string{}};
    for (const auto node : online) {
        std::uint32_t distance = 0;
        if (!(numbers >> distance)) {
            return {};
        }
        distances[node] = distance;
    }
    return distances;
}

// The CPUs guests may use, or nullopt when no cpuset restricts them.
std::optional<CpuSet> read_guest_cpus(const fs::path& root)
{
    const auto cgroup = root / "sys/fs/cgroup";
    for (const auto* file : {"machine.slice/cpuset.cpus.effective",        // cgroup v2
                             "cpuset/machine.slice/cpuset.effective_cpus", // v1, with systemd
                             "cpuset/machine/cpuset.effective_cpus",       // v1, without
                             "cpuset.cpus.effective", "cpuset/cpuset.effective_cpus"}) {
        if (auto cpus = read_cpus(cgroup / file); cpus && !cpus->empty()) {
            // Those that a guest has to itself are not the slice's any more, and guests' all the
            // same.
            const auto own = read_cpus(cgroup / "machine.slice/cpuset.cpus.exclusive.effective");
            return *cpus | own.value_or(CpuSet{});
        }
    }
    return std::nullopt;
}

// How fast the firmware finds a CPU, larger is faster.
std::optional<std::uint64_t> read_performance(const fs::path& root, CpuId cpu)
{
    const auto folder = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(raw(cpu)));
    const auto ranking = read_number(folder / "cpufreq/amd_pstate_prefcore_ranking");
    return ranking ? ranking : read_number(folder / "acpi_cppc/highest_perf");
}

// Ranks only where every online CPU has one: the others would seem fast or slow by accident.
void add_ranks(Topology& topology, const fs::path& root)
{
    constexpr std::uint64_t performance_max = 1024; // CPPC's scale ends at 255
    std::vector<std::uint64_t> performance;
    for (const auto& cpu : topology.cpus) {
        const auto value = cpu.online ? read_performance(root, cpu.id) : 0;
        if (!value) {
            return;
        }
        performance.push_back(std::min(*value, performance_max));
    }
    const auto fastest = *std::max_element(performance.begin(), performance.end());
    for (std::size_t i = 0; i < performance.size(); ++i) {
        topology.cpus[i].rank = static_cast<std::uint32_t>(fastest - performance[i]);
    }
}

// The value in a line "Node 0 KEY:   123 kB".
std::uint64_t meminfo_kib(std::string_view meminfo, std::string_view key)
{
    const auto at = meminfo.find(" " + std::string{key} + ":");
    return at == std::string_view::npos ? 0
                                        : parse_number(meminfo.substr(at + key.size())).value_or(0);
}

void add_free_memory(Node& node, const fs::path& root)
{
    const auto folder = node_folder(root, node.id);
    if (const auto meminfo = read_text_file(folder / "meminfo", sysfs_bytes_max)) {
        std::uint64_t free = 0;
        for (const auto* key : {"MemFree", "Active(file)", "Inactive(file)", "SReclaimable"}) {
            free += meminfo_kib(*meminfo, key);
        }
        node.free_memory_kib = free;
    }
    for (auto& pages : node.hugepages) {
        const auto size = "hugepages-" + std::to_string(pages.page_kib) + "kB";
        pages.free =
            read_number(folder / "hugepages" / size / "free_hugepages").value_or(pages.free);
    }
}

} // namespace

std::vector<KindHint> read_core_types(const fs::path& root)
{
    std::vector<KindHint> hints;
    const auto add = [&hints, &root](const char* unit, const char* core_type) {
        auto cpus = read_cpus(root / "sys/devices" / unit / "cpus");
        if (cpus && !cpus->empty()) {
            hints.push_back({std::move(*cpus), core_type});
        }
    };
    add("cpu_core", "IntelCore");
    add("cpu_atom", "IntelAtom");
    add("cpu_lowpower", "IntelLowPower");
    return hints;
}

std::vector<KernelNode> read_kernel_nodes(const fs::path& root)
{
    const auto online =
        read_set<NodeSet>(root / "sys/devices/system/node/online").value_or(NodeSet{});
    std::vector<KernelNode> nodes;
    for (const auto id : online) {
        const auto folder = node_folder(root, id);
        nodes.push_back({.id = id,
                         .cpus = read_cpus(folder / "cpulist").value_or(CpuSet{}),
                         .distance = read_distances(folder / "distance", online)});
    }
    return nodes;
}

void add_quiet_cpus(Topology& topology, const fs::path& root)
{
    const auto read = [&](const char* file, CpuSet& cpus) {
        const auto path = root / "sys/devices/system/cpu" / file;
        const auto text = read_text_file(path, sysfs_bytes_max);
        // Some kernels print a mask that is not there as "(null)".
        if (!text || text->find("(null)") != std::string::npos) {
            return;
        }
        auto parsed = CpuSet::parse(*text);
        if (!parsed) {
            topology.warnings.push_back(
                "The kernel's list of CPUs in /sys/devices/system/cpu/" + std::string{file} +
                " is invalid and counts as empty: " + parsed.error().message + ".");
            return;
        }
        cpus = *parsed & topology.all_cpus();
    };
    read("isolated", topology.isolated);
    read("nohz_full", topology.nohz_full);
}

void add_live_facts(Topology& topology, const fs::path& root)
{
    const auto guest_cpus = read_guest_cpus(root);
    for (auto& cpu : topology.cpus) {
        cpu.allowed = cpu.online && (!guest_cpus || guest_cpus->contains(cpu.id));
    }
    add_ranks(topology, root);
    for (auto& node : topology.nodes) {
        add_free_memory(node, root);
    }
}

} // namespace virtpind
