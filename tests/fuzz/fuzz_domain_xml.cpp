// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a domain XML: reading never crashes, and an edit of what can be read is what was
// asked for, once and for all.
#include "daemon/domain_xml/definition_editor.hpp"

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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const PolicyCatalog catalog;
    const auto live = parse_domain_xml(text, catalog, XmlKind::live);
    const auto config = parse_domain_xml(text, catalog, XmlKind::config);
    require(live.ok() == config.ok());

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
