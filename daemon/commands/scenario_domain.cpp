// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scenario_domain.hpp"

#include "common/base/uuid.hpp"
#include "common/model/policy_json.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace virtpind {

namespace {

constexpr std::int64_t number_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t topology_part_max = 4096;

constexpr std::uint64_t kib_max = static_cast<std::uint64_t>(number_max);
const auto read_kib = read_number<std::uint64_t>(0, number_max);

Result<GuestTopology> read_guest_topology(const JsonNode& node)
{
    GuestTopology topology;
    const auto read_part = read_number<unsigned>(1, topology_part_max);
    JsonFields fields{node, {"sockets", "dies", "clusters", "cores", "threads"}};
    fields.optional("sockets", topology.sockets, read_part);
    fields.optional("dies", topology.dies, read_part);
    fields.optional("clusters", topology.clusters, read_part);
    fields.optional("cores", topology.cores, read_part);
    fields.optional("threads", topology.threads, read_part);
    if (const auto& error = fields.error()) {
        return *error;
    }
    return topology;
}

Result<GuestCell> read_cell(const JsonNode& node)
{
    GuestCell cell;
    JsonFields fields{node, {"vcpus", "memory-kib"}};
    fields.required("vcpus", cell.vcpus, [](const JsonNode& vcpus) -> Result<VcpuSet> {
        auto ids = read_id_set<VcpuId>(vcpus);
        return ids && ids->empty() ? vcpus.error("a cell needs at least one vCPU") : std::move(ids);
    });
    fields.optional("memory-kib", cell.memory_kib, read_kib);
    if (const auto& error = fields.error()) {
        return *error;
    }
    return cell;
}

Result<std::vector<GuestCell>> read_cells(const JsonNode& node)
{
    auto cells = read_array<GuestCell>(read_cell)(node);
    if (cells) {
        for (std::uint32_t id = 0; id < cells->size(); ++id) {
            (*cells)[id].id = id;
        }
    }
    return cells;
}

Result<NodeSet> read_nodes(const JsonNode& node)
{
    auto nodes = read_id_set<NodeId>(node);
    return nodes && nodes->empty() ? node.error("expected at least one node") : std::move(nodes);
}

Result<ScenarioDevice> read_device(const JsonNode& node, const Topology& topology)
{
    ScenarioDevice device;
    JsonFields fields{node, {"pci", "nodes"}};
    if (fields.has("pci") == fields.has("nodes")) {
        fields.fail("expected exactly one of 'pci' and 'nodes'");
    }
    fields.optional("pci", device.label, [&topology](const JsonNode& pci) -> Result<std::string> {
        auto address = pci.as_string();
        if (address && topology.find_device(*address) == nullptr) {
            return pci.error(topology.devices.empty()
                                 ? "this topology has no PCI devices; write "
                                   "{\"nodes\": \"0\"} instead"
                                 : "the host has no PCI device " + in_quotes(*address) +
                                       "; it has, for example, " +
                                       topology.devices.front().address +
                                       R"(; or write {"nodes": "0"})");
        }
        return address;
    });
    fields.optional("nodes", device.nodes, read_nodes);
    if (const auto& error = fields.error()) {
        return *error;
    }
    if (!device.nodes.empty()) {
        device.label = "nodes " + device.nodes.str();
    }
    return device;
}

Result<std::map<VcpuId, CpuSet>> read_pins(const JsonNode& node, const Topology& topology,
                                           std::uint32_t vcpus_max)
{
    const auto members = node.as_object();
    if (!members) {
        return members.error();
    }
    std::map<VcpuId, CpuSet> pins;
    for (const auto& [key, value] : *members) {
        std::uint32_t vcpu = 0;
        const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), vcpu);
        if (status != std::errc{} || end != key.data() + key.size() || vcpu >= id_set_limit) {
            return value.error(in_quotes(key) + " is not a vCPU number");
        }
        if (vcpu >= vcpus_max) {
            return value.error("the domain has no vCPU " + std::string{key} + "; the last one is " +
                               std::to_string(vcpus_max - 1));
        }
        auto cpus = read_host_cpus(value, topology);
        if (!cpus) {
            return std::move(cpus).error();
        }
        pins[VcpuId{vcpu}] = std::move(*cpus);
    }
    return pins;
}

Result<DomainUuid> read_uuid(const JsonNode& node)
{
    const auto text = node.as_string();
    if (!text) {
        return text.error();
    }
    auto uuid = parse_uuid(*text);
    return uuid ? Result<DomainUuid>{std::move(*uuid)}
                : node.error(in_quotes(*text) + " is not a UUID");
}

// Absent, the domain's memory is that of its cells. Cells that do not say all may leave some of it
// open.
void read_memory(JsonFields& fields, DomainFacts& facts)
{
    std::uint64_t in_cells = 0;
    VcpuSet in_some_cell;
    auto all_say = !facts.cells.empty();
    for (const auto& cell : facts.cells) {
        in_cells += std::min(cell.memory_kib, kib_max - in_cells);
        in_some_cell |= cell.vcpus;
        all_say = all_say && cell.memory_kib > 0;
    }
    facts.memory_kib = in_cells;
    fields.optional("memory-kib", facts.memory_kib, read_kib);
    const auto whole = all_say && in_some_cell.size() == facts.vcpus_max;
    if (facts.memory_kib < in_cells || (whole && facts.memory_kib != in_cells)) {
        fields.fail("'memory-kib' is " + std::to_string(facts.memory_kib) +
                    ", but the cells have " + std::to_string(in_cells) + " in total");
    }
    fields.optional("hugepage-kib", facts.hugepage_kib, read_kib);
    facts.memory_locked = facts.hugepage_kib.has_value(); // hugepages do not move
}

Result<std::vector<IothreadId>> read_iothreads(const JsonNode& node)
{
    const auto read_id = read_number<std::uint32_t>(1, id_set_limit);
    std::set<IothreadId> seen;
    return read_array<IothreadId>([&](const JsonNode& item) -> Result<IothreadId> {
        const auto id = read_id(item);
        if (!id) {
            return id.error();
        }
        if (!seen.insert(IothreadId{*id}).second) {
            return item.error("I/O thread " + std::to_string(*id) +
                              " is listed twice; each needs its own number");
        }
        return IothreadId{*id};
    })(node);
}

void read_shape(JsonFields& fields, DomainFacts& facts)
{
    const auto read_count = read_number<std::uint32_t>(1, id_set_limit);
    std::uint32_t vcpus = 0;
    fields.required("vcpus", vcpus, read_count);
    facts.vcpus_max = vcpus;
    fields.optional("max-vcpus", facts.vcpus_max, read_count);
    if (facts.vcpus_max < vcpus) {
        fields.fail("'max-vcpus' is less than 'vcpus'");
    }
    if (fields.error()) {
        return;
    }
    facts.vcpus_online = VcpuSet::range(0, vcpus - 1);
    fields.optional("topology", facts.topology, read_guest_topology);
    fields.optional("cells", facts.cells, read_cells);
    read_memory(fields, facts);
    fields.optional("iothreads", facts.iothreads, read_iothreads);
}

void read_pinning(JsonFields& fields, const Topology& topology, ScenarioDomain& domain)
{
    PinSet pins;
    const auto vcpus_max = domain.seen.facts.vcpus_max;
    fields.optional("pins", pins.vcpus, [&topology, vcpus_max](const JsonNode& node) {
        return read_pins(node, topology, vcpus_max);
    });
    fields.optional("emulator", pins.emulator,
                    [&topology](const JsonNode& node) { return read_host_cpus(node, topology); });
    std::optional<bool> running;
    fields.optional("running", running, read_bool);
    domain.activity = !running   ? Activity::arriving
                      : *running ? Activity::running
                                 : Activity::dormant;
    if (domain.activity == Activity::dormant) {
        domain.seen.definition = {.pins = std::move(pins)};
        return;
    }
    domain.seen.facts.id = 1; // any: there is one run
    domain.seen.facts.state = RunState::running;
    domain.seen.running = {.pins = std::move(pins)};
}

} // namespace

Result<CpuSet> read_host_cpus(const JsonNode& node, const Topology& topology)
{
    const auto all = topology.all_cpus();
    auto cpus = read_id_set<CpuId>(node);
    if (cpus && !all.includes(*cpus)) {
        return node.error("no such CPU: " + (*cpus - all).str() + "; the host has " + all.str());
    }
    return cpus;
}

Result<ScenarioDomain> read_scenario_domain(const JsonNode& node, const Topology& topology,
                                            const PolicyCatalog& catalog)
{
    ScenarioDomain domain;
    auto& facts = domain.seen.facts;
    JsonFields fields{node,
                      {"name", "uuid", "vcpus", "max-vcpus", "topology", "cells", "iothreads",
                       "devices", "memory-kib", "hugepage-kib", "running", "pins", "emulator",
                       "policy"}};
    fields.required("name", facts.name, read_string);
    fields.optional("uuid", facts.uuid, read_uuid);
    read_shape(fields, facts);
    fields.optional("devices", domain.devices, [&topology](const JsonNode& list) {
        return read_array<ScenarioDevice>(
            [&topology](const JsonNode& item) { return read_device(item, topology); })(list);
    });
    for (const auto& device : domain.devices) {
        facts.pci_devices.push_back(device.label);
        facts.memory_locked = true; // devices write to guest memory, so it cannot move
    }
    read_pinning(fields, topology, domain);
    std::optional<PolicySpec> policy;
    fields.optional("policy", policy, [&catalog](const JsonNode& spec) {
        return read_policy_spec(spec, catalog, "name", PolicyName::optional);
    });
    if (policy) {
        facts.metadata.content = std::move(*policy);
    }
    if (const auto& error = fields.error()) {
        return *error;
    }
    return domain;
}

} // namespace virtpind
