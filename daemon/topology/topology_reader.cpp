// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources, and what hwloc tells beyond the tree of CPUs: devices, distances, caches, core types.
#include "topology_reader.hpp"

#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"
#include "core_kinds.hpp"
#include "cpu_tree.hpp"
#include "hwloc_handle.hpp"
#include "hwloc_ids.hpp"
#include "lscpu_rows.hpp"
#include "lscpu_topology.hpp"
#include "node_places.hpp"
#include "sysfs_facts.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace virtpind {

namespace {

// The product's name, or its class as hwloc knows it: "busid=... class=0300(VGA) ...".
std::string label_of(hwloc_obj_t object)
{
    if (object->name != nullptr) {
        return object->name;
    }
    std::array<char, 256> text{};
    constexpr auto verbose = 1;
    hwloc_obj_attr_snprintf(text.data(), text.size(), object, " ", verbose);
    const std::string attributes{text.data()};
    const auto open = attributes.find('(', attributes.find("class="));
    const auto close = attributes.find(')', open);
    return close == std::string::npos ? "" : attributes.substr(open + 1, close - open - 1);
}

PciDevice make_device(hwloc_topology_t hwloc, const Topology& topology, hwloc_obj_t object)
{
    const auto& pci = object->attr->pcidev;
    std::array<char, 32> address{};
    std::snprintf(address.data(), address.size(), "%04x:%02x:%02x.%x", unsigned{pci.domain},
                  unsigned{pci.bus}, unsigned{pci.dev}, unsigned{pci.func});
    PciDevice device{.address = address.data(), .label = label_of(object)};
    device.cpus = to_id_set<CpuId>(hwloc_get_non_io_ancestor_obj(hwloc, object)->cpuset);
    device.nodes = topology.nodes_of(device.cpus);
    if (device.nodes.empty()) {
        for (const auto& node : topology.nodes) {
            device.nodes.insert(node.id);
        }
    }
    return device;
}

// Storage, network, display, accelerators, and the serial buses that storage sits on: devices whose
// interrupts the host serves. Every socket has bridges, memory controllers and counters.
bool does_io(hwloc_obj_t object)
{
    const auto class_id = object->attr->pcidev.class_id;
    const auto base_class = class_id >> 8U;
    return (base_class >= 0x01 && base_class <= 0x03) || base_class == 0x12 || class_id == 0x0b40 ||
           class_id == 0x0c04 || class_id == 0x0c06;
}

void add_devices(hwloc_topology_t hwloc, Topology& topology)
{
    auto& devices = topology.devices;
    NodeSet with_io;
    hwloc_obj_t object = nullptr;
    while ((object = hwloc_get_next_pcidev(hwloc, object)) != nullptr) {
        devices.push_back(make_device(hwloc, topology, object));
        devices.back().does_io = does_io(object);
        const auto& nodes = devices.back().nodes;
        if (nodes.size() == 1 && devices.back().does_io) {
            with_io |= nodes;
        }
    }
    std::sort(devices.begin(), devices.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
    for (auto& node : topology.nodes) {
        node.has_io = with_io.contains(node.id);
    }
}

Cache::Type cache_type(hwloc_obj_cache_type_t type)
{
    switch (type) {
    case HWLOC_OBJ_CACHE_DATA:
        return Cache::Type::data;
    case HWLOC_OBJ_CACHE_INSTRUCTION:
        return Cache::Type::instruction;
    case HWLOC_OBJ_CACHE_UNIFIED:
        return Cache::Type::unified;
    }
    return Cache::Type::unified;
}

void add_caches(hwloc_topology_t hwloc, Topology& topology)
{
    for (auto type = int{HWLOC_OBJ_L1CACHE}; type <= HWLOC_OBJ_L3ICACHE; ++type) {
        const auto wanted = static_cast<hwloc_obj_type_t>(type);
        hwloc_obj_t object = nullptr;
        while ((object = hwloc_get_next_obj_by_type(hwloc, wanted, object)) != nullptr) {
            const auto& cache = object->attr->cache;
            topology.caches.push_back({.level = cache.depth,
                                       .type = cache_type(cache.type),
                                       .size_bytes = cache.size,
                                       .cpus = to_id_set<CpuId>(object->cpuset)});
        }
    }
}

std::string read_vendor(hwloc_topology_t hwloc)
{
    for (auto* object : {hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_PACKAGE, nullptr),
                         hwloc_get_root_obj(hwloc)}) {
        const auto* vendor =
            object != nullptr ? hwloc_obj_get_info_by_name(object, "CPUVendor") : nullptr;
        if (vendor != nullptr) {
            return vendor;
        }
    }
    return {};
}

struct BitmapFree {
    void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};

std::vector<KindHint> read_kind_hints(hwloc_topology_t hwloc)
{
    std::vector<KindHint> hints;
    const std::unique_ptr<hwloc_bitmap_s, BitmapFree> cpus{hwloc_bitmap_alloc()};
    for (auto i = 0; i < hwloc_cpukinds_get_nr(hwloc, 0); ++i) {
        unsigned info_count = 0;
        hwloc_info_s* infos = nullptr;
        if (hwloc_cpukinds_get_info(hwloc, static_cast<unsigned>(i), cpus.get(), nullptr,
                                    &info_count, &infos, 0) != 0) {
            continue;
        }
        KindHint hint{.cpus = to_id_set<CpuId>(cpus.get()), .core_type = {}};
        for (unsigned k = 0; k < info_count; ++k) {
            if (std::string_view{infos[k].name} == "CoreType") {
                hint.core_type = infos[k].value;
            }
        }
        hints.push_back(std::move(hint));
    }
    return hints;
}

// What ExportTopology noted; empty where nothing is, or nothing that can be understood.
CpuSet noted_cpus(hwloc_topology_t hwloc, const char* note)
{
    const auto* text = hwloc_obj_get_info_by_name(hwloc_get_root_obj(hwloc), note);
    auto cpus = CpuSet::parse(text == nullptr ? "" : text);
    return cpus ? std::move(*cpus) : CpuSet{};
}

// hwloc ignores numbers it cannot use ("indexes=2*5" for 12 CPUs) without a word.
void warn_of_ignored_indexes(hwloc_topology_t hwloc, const std::string& description,
                             Topology& topology)
{
    const auto last_level = description.find_last_of(' ') + 1; // 0 when it is the only one
    if (description.find("indexes=", last_level) == std::string::npos) {
        return;
    }
    hwloc_obj_t unit = nullptr;
    while ((unit = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_PU, unit)) != nullptr) {
        if (unit->os_index != unit->logical_index) {
            return;
        }
    }
    topology.warnings.push_back(
        "The CPU numbers in \"indexes=\" have no effect: hwloc does not accept "
        "them, or they are the default ones.");
}

// From 2.10 on, hwloc gives each node of a description 1 GiB where it says nothing.
void forget_invented_memory(const std::string& description, Topology& topology)
{
    if (description.find("memory=") == std::string::npos) {
        for (auto& node : topology.nodes) {
            node.memory_kib = 0;
        }
    }
}

Result<Topology> read_lscpu_file(const std::string& path)
{
    const auto from_stdin = path == "-";
    const auto text = from_stdin ? read_text(STDIN_FILENO, "standard input", lscpu_bytes_max)
                                 : read_text_file(path, lscpu_bytes_max);
    if (!text) {
        return text.error();
    }
    auto topology = read_lscpu_topology(*text);
    if (!topology) {
        auto& error = topology.error();
        error.message = "the table of lscpu in " +
                        (from_stdin ? "standard input" : path_in_quotes(path)) + ": " +
                        error.message;
    }
    return topology;
}

} // namespace

Result<TopologySource> parse_topology_source(std::string_view text)
{
    using enum TopologySource::Kind;
    if (text == "live") {
        return TopologySource{};
    }
    const auto colon = text.find(':');
    const auto kind = text.substr(0, colon);
    if (colon != std::string_view::npos && colon + 1 < text.size()) {
        const std::string rest{text.substr(colon + 1)};
        if (kind == "xml") {
            return TopologySource{.kind = xml, .text = rest};
        }
        if (kind == "synthetic") {
            return TopologySource{.kind = synthetic, .text = rest};
        }
        if (kind == "lscpu") {
            return TopologySource{.kind = lscpu, .text = rest};
        }
    }
    return Error{.code = Errc::invalid_argument,
                 .message = "topology " + in_quotes(text) +
                            " is invalid; valid: live, xml:FILE, "
                            "synthetic:DESCRIPTION, lscpu:FILE"};
}

Result<Topology> read_topology(const TopologySource& source)
{
    if (source.kind == TopologySource::Kind::lscpu) {
        return read_lscpu_file(source.text);
    }
    const auto handle = load_hwloc(source);
    if (!handle) {
        return handle.error();
    }
    auto* hwloc = handle->get();
    const auto is_live = source.kind == TopologySource::Kind::live;
    const auto kernel_nodes = is_live ? read_kernel_nodes(source.root) : std::vector<KernelNode>{};
    auto topology = read_cpu_tree(hwloc, kernel_nodes);
    if (!topology) {
        return topology;
    }
    add_devices(hwloc, *topology);
    add_distances(hwloc, kernel_nodes, *topology);
    add_caches(hwloc, *topology);
    topology->vendor = read_vendor(hwloc);
    auto hints = read_kind_hints(hwloc);
    if (is_live) {
        const auto core_types = read_core_types(source.root);
        hints.insert(hints.end(), core_types.begin(), core_types.end());
        add_live_facts(*topology, source.root);
        add_quiet_cpus(*topology, source.root);
    }
    if (source.kind == TopologySource::Kind::xml) {
        topology->isolated = noted_cpus(hwloc, isolated_note) & topology->all_cpus();
        topology->nohz_full = noted_cpus(hwloc, nohz_full_note) & topology->all_cpus();
    }
    if (source.kind == TopologySource::Kind::synthetic) {
        warn_of_ignored_indexes(hwloc, source.text, *topology);
        forget_invented_memory(source.text, *topology);
    }
    classify_cores(*topology, hints);
    return topology;
}

} // namespace virtpind
