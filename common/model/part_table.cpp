// SPDX-License-Identifier: LGPL-2.1-or-later
#include "part_table.hpp"

#include <algorithm>
#include <array>

namespace virtpind {

namespace {

using enum DefinitionPart;
using Form = PartForm;
using Group = UndoGroup;

constexpr std::array table{
    PartRow{vcpu, "vcpu", Form::vcpu, "", "vcpu", Group::shape},
    PartRow{vcpus, "vcpus", Form::element, "", "vcpus", Group::shape},
    PartRow{smbios, "os/smbios", Form::element, "os", "smbios", Group::none,
            PartTune{.tune = Tune::host_smbios, .attribute = "mode", .value = "host"}},
    PartRow{vcpusched, "cputune/vcpusched", Form::keyed, "cputune", "vcpusched", Group::shape},
    PartRow{cachetune, "cputune/cachetune", Form::keyed, "cputune", "cachetune", Group::shape},
    PartRow{memorytune, "cputune/memorytune", Form::keyed, "cputune", "memorytune", Group::shape},
    PartRow{cpu_mode, "cpu@mode", Form::attribute, "cpu", "mode", Group::cpu_model},
    PartRow{cpu_match, "cpu@match", Form::attribute, "cpu", "match", Group::cpu_model},
    PartRow{cpu_check, "cpu@check", Form::attribute, "cpu", "check", Group::cpu_model},
    PartRow{cpu_migratable, "cpu@migratable", Form::attribute, "cpu", "migratable",
            Group::cpu_model,
            PartTune{.tune = Tune::no_migrate,
                     .attribute = "migratable",
                     .value = "off",
                     .needs_passthrough = true}},
    PartRow{cpu_model, "cpu/model", Form::element, "cpu", "model", Group::cpu_model},
    PartRow{cpu_vendor, "cpu/vendor", Form::element, "cpu", "vendor", Group::cpu_model},
    PartRow{cpu_topology, "cpu/topology", Form::element, "cpu", "topology", Group::shape},
    PartRow{cpu_cache, "cpu/cache", Form::element, "cpu", "cache", Group::cpu_model,
            PartTune{.tune = Tune::cache_passthrough,
                     .attribute = "mode",
                     .value = "passthrough",
                     .contrary = "disable",
                     .needs_passthrough = true}},
    PartRow{cpu_numa, "cpu/numa", Form::element, "cpu", "numa", Group::shape},
    PartRow{hypervisor_feature, "cpu/feature:hypervisor", Form::feature, "cpu", "hypervisor",
            Group::none,
            PartTune{.tune = Tune::hide_hypervisor, .attribute = "policy", .value = "disable"}},
    PartRow{topoext_feature, "cpu/feature:topoext", Form::feature, "cpu", "topoext", Group::none,
            PartTune{.tune = Tune::topoext, .attribute = "policy", .value = "require"}},
    PartRow{invtsc_feature, "cpu/feature:invtsc", Form::feature, "cpu", "invtsc", Group::none,
            PartTune{.tune = Tune::invtsc, .attribute = "policy", .value = "require"}},
    PartRow{cpu, "cpu", Form::presence, "", "cpu"},
    PartRow{vcpupin, "cputune/vcpupin:", Form::thread_pins, "cputune", "vcpupin"},
    PartRow{emulatorpin, "cputune/emulatorpin", Form::pin, "cputune", "emulatorpin"},
    PartRow{iothreadpin, "cputune/iothreadpin:", Form::thread_pins, "cputune", "iothreadpin"},
    PartRow{vcpu_cpuset, "vcpu@cpuset", Form::pin, "vcpu", "cpuset"},
    PartRow{numatune, "numatune", Form::pin, "", "numatune"},
    PartRow{iothreadids, "iothreadids", Form::pin, "", "iothreadids"},
};

constexpr bool is_in_order()
{
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table.at(i).part) != i) {
            return false;
        }
    }
    return true;
}

static_assert(is_in_order(), "row_of() takes the row by its number");

} // namespace

std::span<const PartRow> part_table()
{
    return table;
}

const PartRow& row_of(DefinitionPart part)
{
    return table.at(static_cast<std::size_t>(part));
}

const PartRow* find_part(std::string_view name)
{
    const auto* const row = std::find_if(table.begin(), table.end(), [name](const PartRow& one) {
        return one.form == Form::thread_pins ? name.starts_with(one.name) : name == one.name;
    });
    return row != table.end() ? row : nullptr;
}

bool is_part(std::string_view name, DefinitionPart part)
{
    return name == row_of(part).name;
}

std::string name_of(DefinitionPart part)
{
    return row_of(part).name;
}

std::string name_of(DefinitionPart part, std::uint32_t thread)
{
    return row_of(part).name + std::to_string(thread);
}

std::optional<ThreadPins> parse_thread_pins(std::string_view name)
{
    const auto* const row = find_part(name);
    if (row == nullptr || row->form != Form::thread_pins) {
        return std::nullopt;
    }
    auto threads = VcpuSet::parse(name.substr(std::string_view{row->name}.size()));
    if (!threads || threads->empty()) {
        return std::nullopt;
    }
    return ThreadPins{.part = row->part, .threads = std::move(*threads)};
}

std::string name_of(const ThreadPins& pins)
{
    return row_of(pins.part).name + pins.threads.str();
}

bool names_vcpus(std::string_view name)
{
    const auto* const row = find_part(name);
    return row != nullptr && row->form == Form::keyed;
}

} // namespace virtpind
