// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a domain XML: reading never crashes, and an edit of what can be read is what was
// asked for, once and for all. The doctor examines whatever can be read.
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/planner/doctor/doctor.hpp"
#include "tests/support/topology_builder.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace virtpind;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

DefinitionChange made_change()
{
    DefinitionChange change;
    change.pins.vcpus = {{VcpuId{0}, CpuSet{CpuId{1}}}, {VcpuId{3}, CpuSet::range(2, 9)}};
    change.pins.emulator = CpuSet{CpuId{0}};
    change.pins.numatune = NumaTune{.nodes = NodeSet{NodeId{0}}};
    return change;
}

// On hosts of either vendor, alone and beside itself.
void examine_anywhere(ObservedDomain seen)
{
    for (const auto* vendor : {"AuthenticAMD", "GenuineIntel"}) {
        auto host = test::regular_host({.packages = 2, .l3s = 2, .cores = 2});
        host.vendor = vendor;
        for (const auto& l3 : host.l3s) {
            host.caches.push_back({.level = 3, .size_bytes = l3.size_bytes, .cpus = l3.cpus});
        }
        const auto found = examine({.topology = &host,
                                    .guests = {seen},
                                    .others = {seen},
                                    .sees_all_guests = true,
                                    .host = HostFacts::not_known("nobody asked"),
                                    .unsatisfied = {}});
        require(found.guests.size() == 1);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const PolicyCatalog catalog;
    const auto live = parse_domain_xml(text, catalog, XmlKind::live);
    const auto config = parse_domain_xml(text, catalog, XmlKind::config);
    require(live.ok() == config.ok());
    if (live && config) {
        auto joined = *config;
        joined.running = live->running;
        examine_anywhere(std::move(joined));
    }

    auto change = made_change();
    const auto merged = edit_definition(text, change);
    if (merged && config) {
        const auto again = edit_definition(*merged, change);
        require(again && *again == *merged);
        const auto read = parse_domain_xml(*merged, catalog, XmlKind::config);
        require(read && read->definition->pins.emulator == change.pins.emulator);
        require(read->facts.vcpus_max == config->facts.vcpus_max);
    }
    change.mode = DefinitionChange::Mode::replace;
    const auto replaced = edit_definition(text, change);
    if (replaced && config) {
        const auto read = parse_domain_xml(*replaced, catalog, XmlKind::config);
        require(read && read->definition);
        // <iothreadids> with something in it that libvirt does not know stays.
        change.pins.iothreads_listed = read->definition->pins.iothreads_listed;
        require(read->definition_pins() == change.pins);
    }
    return 0;
}
