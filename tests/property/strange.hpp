// SPDX-License-Identifier: LGPL-2.1-or-later
// Definitions, policies and before-images that come from anywhere: from larger hosts and smaller
// ones, from before a CPU went, by a hand that slipped. Everything that libvirt would define may be
// in them, and of CPUs and nodes any number up to 4095.
#pragma once

#include "common/model/original_state.hpp"
#include "common/model/parts.hpp"
#include "generators.hpp"

#include <array>
#include <string>

namespace virtpind::test {

constexpr std::uint32_t strange_id_max = 4095;

// Some CPUs of a host go offline, or may not be used; at times all may not.
inline void take_away_cpus(Topology& host)
{
    const auto most = once_in(8) ? 1U : 4U;
    for (auto& cpu : host.cpus) {
        cpu.online = !once_in(6);
        cpu.allowed = !once_in(most == 1 ? 1 : 8);
    }
}

inline Topology strange_host()
{
    auto host = pick_host({.cores_max = 6, .cpus_max = 12});
    if (once_in(2)) {
        pick_stocks(host);
    }
    if (once_in(3)) {
        take_away_cpus(host);
    }
    return host;
}

inline std::uint32_t strange_id(std::uint32_t known)
{
    switch (pick(0, 3)) {
    case 0:
        return pick(0, strange_id_max);
    case 1:
        return pick(0, 63);
    default:
        return pick(0, known);
    }
}

// One, some, a range of them, a comma list; within the host, outside of it, or both. Never empty.
template <class Id>
IdSet<Id> strange_set(std::uint32_t known)
{
    IdSet<Id> set{Id{strange_id(known)}};
    switch (pick(0, 4)) {
    case 0: {
        const auto first = strange_id(known);
        set |= IdSet<Id>::range(first, std::min(strange_id_max, first + strange_id(known)));
        break;
    }
    case 1:
        for (auto more = pick(1, 4); more > 0; --more) {
            set.insert(Id{strange_id(known)});
        }
        break;
    default:
        break;
    }
    return set;
}

inline CpuSet strange_cpus()
{
    return strange_set<CpuId>(12);
}

inline NodeSet strange_nodes()
{
    return strange_set<NodeId>(3);
}

// Pins of vCPUs, I/O threads and cells that the domain has, and of some that it has not.
inline PinSet strange_pins(std::uint32_t vcpus)
{
    PinSet pins;
    for (std::uint32_t id = 0; id < vcpus; ++id) {
        if (!once_in(3)) {
            pins.vcpus[VcpuId{id}] = once_in(2) ? CpuSet{CpuId{strange_id(12)}} : strange_cpus();
        }
    }
    if (once_in(6)) {
        pins.vcpus[VcpuId{strange_id(vcpus)}] = strange_cpus();
    }
    if (once_in(2)) {
        pins.emulator = strange_cpus();
    }
    for (auto count = pick(0, 2); count > 0; --count) {
        pins.iothreads[IothreadId{once_in(4) ? strange_id(4) : count}] = strange_cpus();
    }
    if (once_in(3)) {
        pins.numatune.emplace();
        pins.numatune->mode = pick_one(
            {NumaMode::strict, NumaMode::preferred, NumaMode::interleave, NumaMode::restrictive});
        pins.numatune->nodes = once_in(5) ? NodeSet{} : strange_nodes();
        for (auto count = pick(0, 2); count > 0; --count) {
            pins.numatune->cells[once_in(4) ? strange_id(4) : count - 1] = strange_nodes();
        }
        if (pins.numatune->nodes.empty() && pins.numatune->cells.empty()) {
            pins.numatune.reset(); // which libvirt does not keep
        }
    }
    if (once_in(4)) {
        pins.vcpu_cpuset = strange_cpus();
    }
    return pins;
}

// ---- as text ----------------------------------------------------------------------------------

inline std::string attribute(const char* name, const std::string& value)
{
    return std::string{" "} + name + "='" + value + "'";
}

inline std::string cputune_xml(const PinSet& pins)
{
    std::string xml = "<cputune>";
    for (const auto& [vcpu, cpus] : pins.vcpus) {
        xml += "<vcpupin" + attribute("vcpu", std::to_string(raw(vcpu))) +
               attribute("cpuset", cpus.str()) + "/>";
    }
    if (pins.emulator) {
        xml += "<emulatorpin" + attribute("cpuset", pins.emulator->str()) + "/>";
    }
    for (const auto& [iothread, cpus] : pins.iothreads) {
        xml += "<iothreadpin" + attribute("iothread", std::to_string(raw(iothread))) +
               attribute("cpuset", cpus.str()) + "/>";
    }
    return xml + "</cputune>";
}

inline std::string numatune_xml(const PinSet& pins)
{
    if (!pins.numatune) {
        return "";
    }
    std::string xml = "<numatune>";
    const auto mode = attribute("mode", std::string{to_string(pins.numatune->mode)});
    if (!pins.numatune->nodes.empty()) {
        xml += "<memory" + mode + attribute("nodeset", pins.numatune->nodes.str()) + "/>";
    }
    for (const auto& [cell, nodes] : pins.numatune->cells) {
        xml += "<memnode" + attribute("cellid", std::to_string(cell)) + mode +
               attribute("nodeset", nodes.str()) + "/>";
    }
    return xml + "</numatune>";
}

// Of the guest: sockets and threads that give its number or not, cells that add up or not.
inline std::string strange_cpu_xml(std::uint32_t vcpus, std::uint64_t memory_kib, bool has_cells)
{
    std::string xml =
        "<cpu" +
        attribute("mode", pick_one<std::string>({"host-passthrough", "host-model", "maximum"})) +
        ">";
    if (once_in(2)) {
        const auto threads = pick_one<std::uint32_t>({1, 2, 2, 3});
        const auto cores = once_in(8) ? strange_id(8) : std::max(vcpus / threads, 1U);
        xml += "<topology" + attribute("sockets", "1") + attribute("cores", std::to_string(cores)) +
               attribute("threads", std::to_string(threads)) + "/>";
    }
    if (has_cells) {
        xml += "<numa>";
        const auto border = pick(0, vcpus - 1);
        const auto two = border + 1 < vcpus || once_in(6);
        const auto memory = two ? memory_kib / 2 : memory_kib; // libvirt sees to the sum
        xml += "<cell" + attribute("id", "0") + attribute("cpus", VcpuSet::range(0, border).str()) +
               attribute("memory", std::to_string(memory)) + attribute("unit", "KiB") + "/>";
        if (two) {
            const auto rest = once_in(6)
                                  ? strange_set<VcpuId>(vcpus)
                                  : VcpuSet::range(std::min(border + 1, vcpus - 1), vcpus - 1);
            xml += "<cell" + attribute("id", once_in(8) ? std::to_string(strange_id(3)) : "1") +
                   attribute("cpus", rest.str()) + attribute("memory", std::to_string(memory)) +
                   attribute("unit", "KiB") + "/>";
        }
        xml += "</numa>";
    }
    return xml + "</cpu>";
}

inline std::string strange_policy_xml(bool has_cells)
{
    if (once_in(4)) {
        return ""; // the default policy's, or foreign
    }
    std::string xml = "<metadata><virtpind:policy "
                      "xmlns:virtpind='https://virtpind.org/policy/1'" +
                      attribute("name", pick_one<std::string>({"dedicated", "dedicated", "shared",
                                                               "passthrough", "auto", "none"}));
    const auto some = [&xml](std::uint32_t times, const char* name, const std::string& value) {
        if (once_in(times)) {
            xml += attribute(name, value);
        }
    };
    some(5, "cpus", strange_cpus().str());
    some(6, "smt", pick_one<std::string>({"require", "isolate", "spread"}));
    some(6, "numa", pick_one<std::string>({"single", "spread"}));
    some(6, "emulator",
         once_in(2) ? strange_cpus().str() : pick_one<std::string>({"own", "vcpus"}));
    some(6, "iothreads",
         once_in(2) ? strange_cpus().str() : pick_one<std::string>({"own", "vcpus"}));
    some(5, "fallback", "fail");
    some(5, "topology", pick_one<std::string>({"match", "host"}));
    some(6, "tune", pick_one<std::string>({"cache-passthrough", "topoext,invtsc", "no-migrate"}));
    some(6, "memory", "keep");
    some(6, "move", pick_one<std::string>({"never", "node"}));
    if (!has_cells) {
        some(8, "vcpus", std::to_string(pick(1, 8)));
    }
    some(8, "priority", std::to_string(pick(0, 3)));
    return xml + "/></metadata>";
}

inline std::string strange_devices_xml(const Topology& host)
{
    std::string xml = "<devices>";
    for (auto count = once_in(3) ? pick(1, 2) : 0; count > 0; --count) {
        const auto known = !host.devices.empty() && once_in(2);
        const auto bus = known ? std::string{"0x01"} : "0x" + std::to_string(pick(0, 99));
        xml += "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='" + bus +
               "' slot='0x00' function='0x" + std::to_string(pick(0, 7)) + "'/></source></hostdev>";
    }
    return xml + "</devices>";
}

// A definition that libvirt might hold; `id` of a run, or none.
inline std::string strange_xml(const Topology& host, std::size_t number, std::optional<int> id)
{
    const auto vcpus = pick(1, 6);
    const auto pins = strange_pins(vcpus);
    const auto memory_kib = pick(1, 6) * memory_unit_kib;
    const auto has_cells = once_in(4); // each with some vCPU that is there
    std::string xml = "<domain" + attribute("type", once_in(8) ? "qemu" : "kvm") +
                      (id ? attribute("id", std::to_string(*id)) : std::string{}) + "><name>vm" +
                      std::to_string(number) + "</name><uuid>" + uuid_of(number).str() + "</uuid>";
    xml += strange_policy_xml(has_cells);
    xml += "<memory unit='KiB'>" + std::to_string(memory_kib) + "</memory>";
    if (once_in(6)) {
        xml += "<memoryBacking><hugepages/></memoryBacking>";
    }
    xml += "<vcpu" + attribute("placement", "static") +
           (pins.vcpu_cpuset ? attribute("cpuset", pins.vcpu_cpuset->str()) : std::string{}) +
           (!has_cells && once_in(4) ? attribute("current", std::to_string(pick(1, vcpus)))
                                     : std::string{}) +
           ">" + std::to_string(vcpus) + "</vcpu>";
    if (once_in(3)) {
        xml += "<iothreads>" + std::to_string(pick(1, 2)) + "</iothreads>";
    }
    xml += cputune_xml(pins) + numatune_xml(pins);
    xml += "<os><type arch='x86_64' machine='q35'>hvm</type></os>";
    xml += strange_cpu_xml(vcpus, memory_kib, has_cells) + strange_devices_xml(host);
    return xml + "</domain>";
}

// How a domain was before, on whichever host that was.
inline BeforeImage strange_image(const DomainUuid& uuid, std::uint32_t vcpus)
{
    BeforeImage image{.uuid = uuid, .name = "vm", .boot_id = once_in(2) ? "boot" : "other"};
    if (once_in(2)) {
        image.id = static_cast<int>(pick(1, 3));
        image.live = strange_pins(vcpus);
    }
    image.config = strange_pins(vcpus);
    image.vcpus_max = vcpus;
    image.parts = pin_parts(*image.config);
    auto& written = image.written.emplace_back();
    for (const auto& [part, value] : pin_parts(strange_pins(vcpus))) {
        if (once_in(2)) {
            written[part] = value;
        }
    }
    return image;
}

} // namespace virtpind::test
