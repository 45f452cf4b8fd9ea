// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.hpp"
#include "common/base/by_id.hpp"
#include "common/base/messages.hpp"
#include "daemon/planner/guest/guest_caches.hpp"

#include <algorithm>

namespace virtpind {

namespace {

bool is_x86(const GuestView& guest)
{
    const auto& arch = guest.cpus->arch;
    return arch.empty() || arch == "x86_64" || arch == "i686";
}

bool passes_host_cpu(const GuestView& guest)
{
    const auto& mode = guest.details->cpu_mode;
    return mode == "host-passthrough" || mode == "maximum";
}

std::string topology_text(const GuestTopology& topology)
{
    return "sockets=" + std::to_string(topology.sockets) +
           " dies=" + std::to_string(topology.dies) + " cores=" + std::to_string(topology.cores) +
           " threads=" + std::to_string(topology.threads);
}

void check_topology(const GuestView& guest, Findings& findings)
{
    const auto& topology = guest.cpus->topology;
    if (!topology) {
        return;
    }
    if (topology->product() != guest.cpus->vcpus_max) {
        findings.add(Check::cpu_topology_mismatch,
                     {.evidence = topology_text(*topology) + " make " +
                                  pluralize(topology->product(), "CPU") + ", and <vcpu> is " +
                                  std::to_string(guest.cpus->vcpus_max)});
    }
    if (topology->clusters > 1 && is_x86(guest)) {
        findings.add(Check::cpu_clusters_x86,
                     {.evidence = "clusters=" + std::to_string(topology->clusters)});
    }
}

void check_topoext(const GuestView& guest, Findings& findings)
{
    const auto vendor = cpu_vendor(guest.host->vendor);
    const auto required = guest.details->required.contains("topoext");
    if (!is_x86(guest) || guest.cpus->emulated) {
        return;
    }
    if (vendor == CpuVendor::amd && guest.topology.threads > 1 && passes_host_cpu(guest) &&
        !required && !guest.cpus->overrides.tunes.contains(Tune::topoext)) {
        findings.add(
            Check::cpu_topoext_missing,
            {.evidence = "the guest has threads=" + std::to_string(guest.topology.threads) +
                         " on an AMD host, without topoext",
             .why = "QEMU hides hyperthreading from it; " + pluralize(guest.vcpus.size(), "vCPU") +
                    " look like as many cores",
             .automatic = tune_fix("tune", std::vector<std::string>{"topoext"})});
    }
    if (vendor == CpuVendor::intel && required) {
        findings.add(Check::cpu_topoext_on_intel, {});
    }
}

// What a guest with Windows for desktops makes of its sockets; servers use them all.
void check_sockets(const GuestView& guest, Findings& findings)
{
    const auto certain = guest.details->system == GuestSystem::windows_client;
    // Others with enlightenments have sockets that somebody wrote down, if any.
    if (guest.details->system == GuestSystem::unknown || guest.topology.sockets < 3 ||
        (!certain && !guest.cpus->topology)) {
        return;
    }
    findings.add(
        Check::cpu_sockets,
        {.evidence = guest.cpus->topology
                         ? "the guest has " + std::to_string(guest.topology.sockets) + " sockets"
                         : "without <topology> each of its " +
                               std::to_string(guest.topology.sockets) + " vCPUs is a socket",
         .severity = certain ? Severity::warning : Severity::note});
}

// vCPUs that stay off with some behind them that do not.
VcpuSet holes_of(const CpuDefinition& cpus)
{
    VcpuSet holes;
    if (!cpus.lists_vcpus || cpus.enabled.empty()) {
        return holes;
    }
    for (std::uint32_t id = 0; id < raw(cpus.enabled.back()); ++id) {
        if (!cpus.enabled.contains(VcpuId{id})) {
            holes.insert(VcpuId{id});
        }
    }
    return holes;
}

std::string groups_text(const std::vector<VcpuSet>& groups)
{
    std::vector<std::string> words;
    words.reserve(groups.size());
    for (const auto& group : groups) {
        words.push_back("{" + group.str() + "}");
    }
    return some_of(words, 4);
}

PolicyFix cache_fix()
{
    return {.policy = "dedicated",
            .options = {{"topology", std::string{"host"}},
                        {"tune", std::vector<std::string>{"cache-passthrough"}}},
            .from_next_start = true};
}

// Whether the same number of groups differ by at most `vcpus_max` vCPUs each.
bool is_nearly(const std::vector<VcpuSet>& believed, const std::vector<VcpuSet>& real,
               std::size_t vcpus_max)
{
    return std::equal(believed.begin(), believed.end(), real.begin(), real.end(),
                      [vcpus_max](const VcpuSet& a, const VcpuSet& b) {
                          return (a - b).size() <= vcpus_max && (b - a).size() <= vcpus_max;
                      });
}

// Where the vCPUs that start with the guest are; empty unless each has a place of its own.
std::map<VcpuId, CpuId> places_of(const GuestView& guest)
{
    std::map<VcpuId, CpuId> pins;
    for (const auto& [vcpu, mask] : guest.masks) {
        if (guest.cpus->enabled.contains(vcpu) && !mask.empty()) {
            pins.emplace(vcpu, mask.front());
        }
    }
    const auto is_told = guest.pinned && guest.topology.product() == guest.cpus->vcpus_max;
    return is_told && pins.size() == guest.cpus->enabled.size() ? pins : std::map<VcpuId, CpuId>{};
}

// Cores that the guest takes for threads of one, which it learns from the L1s.
void check_believed_l1s(const GuestView& guest, const CacheGroups& believed,
                        const CacheGroups& real, Findings& findings)
{
    const auto is_told = cpu_vendor(guest.host->vendor) == CpuVendor::intel ||
                         guest.details->required.contains("topoext");
    if (is_told && guest.topology.threads == 1 && !believed.l1.empty() &&
        believed.l1.size() < real.l1.size()) {
        findings.add(Check::cpu_cache_pt_mismatch,
                     {.evidence = "the guest believes in L1s of vCPUs " + groups_text(believed.l1) +
                                  "; they are " + groups_text(real.l1),
                      .automatic = cache_fix()});
    }
}

// What the guest believes of its caches against where its vCPUs are.
void check_believed_caches(const GuestView& guest, Findings& findings)
{
    const auto& host = *guest.host;
    const auto vendor = cpu_vendor(host.vendor);
    const auto& cpus = *guest.cpus;
    const auto pins = places_of(guest);
    if (pins.empty() || vendor == CpuVendor::unknown || host.is_hybrid()) {
        return;
    }
    const auto believed = predict_guest_caches(guest.topology, cpus.enabled, vendor,
                                               cache_sharing(host, pins.begin()->second));
    const auto real = real_caches(host, pins);
    if (believed.l3.empty() || real.l3.empty() || believed.l3 == real.l3) {
        check_believed_l1s(guest, believed, real, findings);
        return;
    }
    // A core more or less in a block is little; threads of a core that are apart are another
    // finding, and the cause of this one.
    const auto is_small = is_nearly(believed.l3, real.l3, std::max(guest.topology.threads, 2U)) ||
                          real.l1.size() != believed.l1.size();
    const auto check =
        holes_of(cpus).empty() ? Check::cpu_cache_pt_mismatch : Check::cpu_holes_wrong_stride;
    findings.add(check,
                 {.evidence = "the guest believes in L3s of vCPUs " + groups_text(believed.l3) +
                              "; they are " + groups_text(real.l3),
                  .automatic = cache_fix(),
                  .severity = is_small ? Severity::note : Severity::warning});
}

// QEMU makes up an L3 for each die.
void check_dies(const GuestView& guest, Findings& findings)
{
    const auto& mode = guest.details->cache_mode;
    const auto dies = guest.topology.sockets * guest.topology.dies;
    if (guest.placed || dies < 2 || !is_x86(guest) || (!mode.empty() && mode != "emulate")) {
        return;
    }
    const auto pins = places_of(guest);
    if (pins.empty()) {
        return;
    }
    const auto believed = predict_emulated_caches(guest.topology, guest.cpus->enabled);
    const auto real = real_caches(*guest.host, pins);
    if (real.l3.size() > 1 && believed.l3.size() == real.l3.size() &&
        !is_nearly(believed.l3, real.l3, guest.topology.threads)) {
        findings.add(Check::pin_cross_llc,
                     {.evidence = "the guest believes in L3s of vCPUs " + groups_text(believed.l3) +
                                  "; they are " + groups_text(real.l3),
                      .why = "its dies are not the L3s that its vCPUs are on",
                      .automatic = tune_fix("topology", std::string{"host"})});
    }
}

void check_cache_passthrough(const GuestView& guest, Findings& findings)
{
    const auto& details = *guest.details;
    if (details.cache_mode != "passthrough") {
        return;
    }
    if (!passes_host_cpu(guest) || details.cache_level) {
        findings.add(Check::cpu_cache_pt_mode,
                     {.evidence = details.cache_level
                                      ? "<cache mode='passthrough'> has level " +
                                            std::to_string(*details.cache_level)
                                      : "<cache mode='passthrough'/> beside cpu mode " +
                                            in_quotes(details.cpu_mode)});
        return;
    }
    const auto classes =
        std::count_if(guest.host->kinds.begin(), guest.host->kinds.end(),
                      [](const Kind& kind) { return kind.core_class == CoreClass::performance; });
    if (guest.host->is_hybrid() && classes > 0 && has_smt(*guest.host) &&
        cpu_vendor(guest.host->vendor) == CpuVendor::intel &&
        guest.topology.product() == guest.cpus->vcpus_max) {
        const auto believed = predict_guest_caches(guest.topology, guest.vcpus, CpuVendor::intel,
                                                   CacheSharing{.l1 = 8, .l2 = 8, .l3 = 0});
        const auto cores = guest.cores().size();
        if (believed.l2.size() < cores) {
            findings.add(Check::cpu_cache_pt_hybrid,
                         {.evidence = "performance cores count in eights here: the guest sees " +
                                      pluralize(believed.l2.size(), "L2") + " for " +
                                      pluralize(cores, "core")});
        }
    }
    check_believed_caches(guest, findings);
}

// vCPUs behind all that are on. Those that fill the last die or core up are none: <topology> has no
// unlike ones.
VcpuSet needless_tail(const GuestView& guest)
{
    const auto& cpus = *guest.cpus;
    if (!cpus.lists_vcpus || cpus.enabled.empty()) {
        return {};
    }
    const auto& shape = guest.topology;
    auto unit = 1U;
    if (guest.shape_known && shape.product() == cpus.vcpus_max) {
        const auto dies = shape.sockets * shape.dies;
        unit = dies > 1             ? cpus.vcpus_max / dies
               : shape.clusters > 1 ? cpus.vcpus_max / shape.clusters
                                    : shape.threads;
    }
    const auto first = (raw(cpus.enabled.back()) / unit + 1) * unit;
    return first < cpus.vcpus_max ? VcpuSet::range(first, cpus.vcpus_max - 1) : VcpuSet{};
}

void check_holes(const GuestView& guest, Findings& findings)
{
    const auto holes = holes_of(*guest.cpus);
    const auto tail = needless_tail(guest);
    if (!tail.empty() && holes.empty() && guest.details->cache_mode == "passthrough") {
        findings.add(Check::cpu_holes_useless,
                     {.evidence = vcpus_text(tail) + pluralize(tail.size(), " stays", " stay") +
                                  " off, behind all others"});
    }
    if (guest.seen->running) {
        if (const auto filled = guest.seen->facts.vcpus_online & holes; !filled.empty()) {
            findings.add(Check::cpu_holes_filled,
                         {.evidence = vcpus_text(filled) + " run, and the definition leaves " +
                                      pluralize(filled.size(), "it", "them") + " out"});
        }
    }
}

void check_cells(const GuestView& guest, Findings& findings)
{
    const auto& cells = guest.cpus->cells;
    if (cells.empty()) {
        return;
    }
    VcpuSet named;
    for (const auto& cell : cells) {
        named |= cell.vcpus;
    }
    const auto left = VcpuSet::range(0, guest.cpus->vcpus_max - 1) - named;
    if (!left.empty() && !named.empty()) {
        findings.add(
            Check::cpu_numa_cells,
            {.evidence = vcpus_text(left) + pluralize(left.size(), " is", " are") + " in no cell"});
    }
}

void check_overrides(const GuestView& guest, Findings& findings)
{
    const auto& overrides = guest.cpus->overrides;
    std::string argument = overrides.shape.empty() ? overrides.cells : overrides.shape;
    if (argument.empty() && !overrides.tunes.empty()) {
        argument = overrides.tunes.begin()->second;
    }
    if (!argument.empty()) {
        findings.add(
            Check::cpu_overridden_by_commandline,
            {.evidence = "the argument " + in_quotes(argument) + " is read after the definition"});
    }
}

} // namespace

void check_shape(const GuestView& guest, Findings& findings)
{
    if (guest.cpus == nullptr || guest.details == nullptr) {
        return;
    }
    check_topology(guest, findings);
    if (guest.shape_known) {
        check_topoext(guest, findings);
        check_sockets(guest, findings);
        check_cache_passthrough(guest, findings);
        check_dies(guest, findings);
    }
    check_holes(guest, findings);
    check_cells(guest, findings);
    check_overrides(guest, findings);
    if (guest.cpus->placement == "auto") {
        findings.add(Check::cpu_placement_auto, {.evidence = "<vcpu placement='auto'>"});
    } else if (const auto& memory = guest.pins.numatune;
               memory && memory->nodes.empty() && memory->cells.empty()) {
        findings.add(Check::cpu_placement_auto,
                     {.evidence = "<numatune> with placement='auto'",
                      .fix = "virsh edit " + guest.name + ": <numatune> with a nodeset, or none"});
    }
}

} // namespace virtpind
