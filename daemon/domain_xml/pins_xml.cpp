// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pins_xml.hpp"

namespace virtpind::host {

namespace {

std::optional<NumaTune> read_numatune(Reader& reader, const pugi::xml_node& element)
{
    if (!element) {
        return std::nullopt;
    }
    NumaTune tune;
    const auto memory = element.child("memory");
    const std::string_view mode =
        (memory ? memory : element.child("memnode")).attribute("mode").as_string("strict");
    const auto known = parse_numa_mode(mode);
    if (!known) {
        reader.fail(Errc::invalid_argument, "<numatune>: " + known.error().message);
        return std::nullopt;
    }
    tune.mode = *known;
    tune.nodes = reader.id_set<NodeId>(memory, "nodeset");
    for (const auto node : element.children("memnode")) {
        tune.cells[reader.small_number(node, "cellid", 0)] = reader.id_set<NodeId>(node, "nodeset");
    }
    tune.source_xml = to_text(element);
    return tune;
}

} // namespace

PinSet read_pins(Reader& reader, const pugi::xml_node& domain)
{
    PinSet pins;
    if (const auto vcpu = domain.child("vcpu"); vcpu.attribute("cpuset")) {
        pins.vcpu_cpuset = reader.id_set<CpuId>(vcpu, "cpuset");
    }
    const auto cputune = domain.child("cputune");
    // libvirt refuses pins to no CPU; in a file they count as none.
    for (const auto pin : cputune.children("vcpupin")) {
        const VcpuId vcpu{reader.small_number(pin, "vcpu", 0)};
        if (auto cpus = reader.id_set<CpuId>(pin, "cpuset"); !cpus.empty()) {
            pins.vcpus[vcpu] = std::move(cpus);
        }
    }
    if (auto cpus = reader.id_set<CpuId>(cputune.child("emulatorpin"), "cpuset"); !cpus.empty()) {
        pins.emulator = std::move(cpus);
    }
    for (const auto pin : cputune.children("iothreadpin")) {
        const IothreadId iothread{reader.small_number(pin, "iothread", 0)};
        if (auto cpus = reader.id_set<CpuId>(pin, "cpuset"); !cpus.empty()) {
            pins.iothreads[iothread] = std::move(cpus);
        }
    }
    pins.iothreads_listed = static_cast<bool>(domain.child("iothreadids"));
    pins.numatune = read_numatune(reader, domain.child("numatune"));
    return pins;
}

} // namespace virtpind::host
