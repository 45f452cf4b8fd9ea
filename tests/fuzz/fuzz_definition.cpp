// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a definition: tuning it and taking that back ends where it began.
#include "common/model/original_state.hpp"
#include "common/model/parts.hpp"
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

GuestTuning made_tuning()
{
    GuestTuning tuning;
    tuning.cpus = GuestCpus{.topology = {.cores = 3, .threads = 2},
                            .pins = {{VcpuId{0}, CpuSet{CpuId{4}}}, {VcpuId{3}, CpuSet{CpuId{5}}}},
                            .cells = {},
                            .numatune = std::nullopt};
    tuning.apply = {Tune::cache_passthrough, Tune::topoext,         Tune::invtsc,
                    Tune::no_migrate,        Tune::hide_hypervisor, Tune::host_smbios};
    return tuning;
}

// Text between elements, which libvirt never writes and an undo does not put back where it was.
bool has_stray_text(const DefinitionParts& parts)
{
    const auto at = parts.find("vcpus");
    if (at == parts.end()) {
        return false;
    }
    const auto& xml = at->second;
    for (auto end = xml.find('>'); end != std::string::npos; end = xml.find('>', end + 1)) {
        if (end + 1 < xml.size() && xml[end + 1] != '<') {
            return true;
        }
    }
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const PolicyCatalog catalog;
    const auto before = parse_domain_xml(text, catalog, XmlKind::config);
    if (!before) {
        return 0;
    }
    DefinitionChange change;
    change.pins.emulator = CpuSet{CpuId{0}};
    change.tuning = made_tuning();
    const auto tuned = edit_definition(text, change);
    if (!tuned) {
        return 0;
    }
    const auto after = parse_domain_xml(*tuned, catalog, XmlKind::config);
    require(after && is_tuned(*after->definition->cpus, after->definition->pins, change.tuning));
    const auto again = edit_definition(*tuned, change);
    require(again && *again == *tuned);

    BeforeImage image{.config = before->definition_pins(),
                      .parts = before->definition->cpus->parts};
    image.note_written(before->definition->cpus->parts, after->definition->cpus->parts);
    const auto undo = make_undo(image, after->definition->cpus->parts);
    require(undo.not_reverted.empty());
    DefinitionChange back{
        .mode = DefinitionChange::Mode::replace,
        .pins = with_pin_parts(after->definition->pins, undo.revert, before->definition->pins)};
    back.tuning.revert = undo.revert;
    const auto restored = edit_definition(*tuned, back);
    if (restored && !has_stray_text(before->definition->cpus->parts)) {
        const auto seen = parse_domain_xml(*restored, catalog, XmlKind::config);
        require(seen && seen->definition->cpus->parts == before->definition->cpus->parts);
    }
    return 0;
}
