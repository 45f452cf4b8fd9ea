// SPDX-License-Identifier: LGPL-2.1-or-later
#include "qemu_arguments.hpp"

#include "common/model/part_table.hpp"
#include "qemu_command_line.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

namespace {

// What an argument takes out of the definition's hands, as a set.
constexpr unsigned bit(Tune tune)
{
    return 1U << static_cast<unsigned>(tune);
}

constexpr unsigned shape = 1U << 30U;
constexpr unsigned cells = 1U << 31U;
constexpr unsigned whole_cpu = bit(Tune::cache_passthrough) | bit(Tune::topoext) |
                               bit(Tune::invtsc) | bit(Tune::no_migrate) |
                               bit(Tune::hide_hypervisor);
constexpr unsigned everything = whole_cpu | bit(Tune::host_smbios) | shape | cells;

// The table. `key` is a property of the option, "*" at its end stands for anything.
struct Row {
    std::string_view option;
    std::string_view key;
    unsigned overrides;
};

constexpr std::array table{
    Row{"cpu", "*", whole_cpu},
    // kvm is what libvirt asks for; of several QEMU takes the first that works.
    Row{"accel", "kvm", 0},
    Row{"accel", "*", whole_cpu},
    Row{"smp", "*", shape},
    Row{"machine", "smp-cache*", bit(Tune::cache_passthrough)},
    Row{"machine", "smp*", shape},
    Row{"machine", "cpu-type", whole_cpu},
    Row{"machine", "accel=kvm*", 0},
    Row{"machine", "accel*", whole_cpu},
    // Of the machines that libvirt starts for x86 by itself; others may know no dies.
    Row{"machine", "type=q35", 0},
    Row{"machine", "type=pc", 0},
    Row{"machine", "type=pc-*", 0},
    Row{"machine", "type=*", shape | cells},
    Row{"machine", "memory=*", cells},
    Row{"machine", "memory.*", cells},
    Row{"machine", "memory-backend=*", cells},
    Row{"machine", "hmat*", cells},
    Row{"machine", "{*", everything}, // JSON
    Row{"numa", "cpus*", shape | cells},
    Row{"numa", "type=cpu", shape | cells},
    Row{"numa", "socket-id*", shape | cells},
    Row{"numa", "*", cells},
    Row{"m", "*", cells},
    Row{"mem-path", "*", cells},
    Row{"smbios", "*", bit(Tune::host_smbios)},
    Row{"set", "object.*", cells},
    Row{"readconfig", "*", everything}, // whatever the file says
    // Properties of a type of CPU.
    Row{"global", "host-cache-info", bit(Tune::cache_passthrough)},
    Row{"global", "l3-cache", bit(Tune::cache_passthrough)},
    Row{"global", "legacy-cache", bit(Tune::cache_passthrough)},
    Row{"global", "topoext", bit(Tune::topoext)},
    Row{"global", "invtsc", bit(Tune::invtsc)},
    Row{"global", "migratable", bit(Tune::no_migrate)},
    Row{"global", "hypervisor", bit(Tune::hide_hypervisor)},
    Row{"global", "apic-id", shape},
    Row{"global", "socket-id", shape},
    Row{"global", "die-id", shape},
    Row{"global", "core-id", shape},
    Row{"global", "thread-id", shape},
    // Capabilities of QEMU that libvirt is told not to believe in.
    Row{"capability", "query-hotpluggable-cpus", shape},
    Row{"capability", "smp-dies", shape},
    Row{"capability", "cpu-cache", bit(Tune::cache_passthrough)},
    Row{"capability", "cpu.migratable", bit(Tune::no_migrate)},
    Row{"capability", "query-cpu-model-expansion*", whole_cpu},
    Row{"capability", "memory-backend-*", cells},
};

bool matches(std::string_view pattern, std::string_view key)
{
    return pattern.ends_with('*') ? key.starts_with(pattern.substr(0, pattern.size() - 1))
                                  : pattern == key;
}

unsigned overridden_by(std::string_view option, std::string_view key)
{
    const auto* const row = std::find_if(table.begin(), table.end(), [&](const Row& candidate) {
        return candidate.option == option && matches(candidate.key, key);
    });
    return row != table.end() ? row->overrides : 0;
}

// What one argument overrides: the key in the table, and how people find it.
struct Found {
    std::string key;
    std::string name;
};

// "TYPE.PROPERTY=VALUE" or "driver=TYPE,property=PROPERTY,value=VALUE", of types of CPUs only.
std::vector<Found> found_in_global(const std::string& value)
{
    auto type = setting(settings_of(value), "driver", "");
    auto property = setting(settings_of(value), "property", "");
    if (type.empty()) {
        const auto dot = value.find('.');
        const auto equals = value.find('=');
        if (dot == std::string::npos || equals == std::string::npos || equals < dot) {
            return {};
        }
        type = value.substr(0, dot);
        property = value.substr(dot + 1, equals - dot - 1);
    }
    return type.ends_with("cpu")
               ? std::vector{Found{property, shown_part("-global " + type + "." + property)}}
               : std::vector<Found>{};
}

// Each key by itself: what has none is the type, as in "-machine q35".
std::vector<Found> found_in_machine(const std::string& value)
{
    std::vector<Found> found;
    const auto settings = settings_of(value);
    for (std::size_t i = 0; i < settings.size(); ++i) {
        const auto& one = settings[i];
        const auto key = one.substr(0, one.find('='));
        const auto is_type = i == 0 && key.size() == one.size() && !one.starts_with('{');
        found.push_back({is_type ? "type=" + one : one, shown_part("-machine " + key)});
    }
    return found;
}

std::vector<Found> found_in(const QemuArgument& argument)
{
    const auto name = "-" + argument.option;
    const auto settings = settings_of(argument.value);
    if (argument.option == "global") {
        return found_in_global(argument.value);
    }
    if (argument.option == "machine") {
        return found_in_machine(argument.value);
    }
    if (argument.option == "accel") {
        return {{setting(settings, "accel", "accel"), name}};
    }
    if (argument.option == "numa") {
        std::vector<Found> found{{"type=" + setting(settings, "type", "type"), name}};
        for (const auto& one : settings) {
            found.push_back({one, name});
        }
        return found;
    }
    return {{argument.value, name}};
}

bool shows_host_caches(const std::string& cpu)
{
    auto shows = false;
    for (const auto& one : settings_of(cpu)) {
        if (one == "+host-cache-info" || one == "host-cache-info") {
            shows = true;
        } else if (one == "-host-cache-info") {
            shows = false;
        } else if (one.starts_with("host-cache-info=")) {
            const auto value = one.substr(one.find('=') + 1);
            shows = value == "on" || value == "true" || value == "yes";
        }
    }
    return shows;
}

void take(QemuOverrides& overrides, unsigned what, const std::string& name)
{
    if (what == 0) {
        return;
    }
    for (const auto& row : part_table()) {
        if (row.tune && (what & bit(row.tune->tune)) != 0) {
            overrides.tunes.emplace(row.tune->tune, name);
        }
    }
    if ((what & shape) != 0 && overrides.shape.empty()) {
        overrides.shape = name;
    }
    if ((what & cells) != 0 && overrides.cells.empty()) {
        overrides.cells = name;
    }
}

} // namespace

QemuOverrides read_qemu_overrides(const pugi::xml_node& domain)
{
    QemuOverrides overrides;
    std::vector<std::string_view> options;
    for (const auto& row : table) {
        options.push_back(row.option);
    }
    for (const auto& argument : qemu_arguments(domain, options)) {
        for (const auto& [key, name] : found_in(argument)) {
            take(overrides, overridden_by(argument.option, key), name);
        }
        if (argument.option == "cpu") {
            overrides.host_caches = shows_host_caches(argument.value);
        }
    }
    for (const auto& del : qemu_elements(domain, "capabilities", "del")) {
        const std::string capability = del.attribute("capability").value();
        take(overrides, overridden_by("capability", capability),
             shown_part("<qemu:del capability='" + capability + "'/>"));
    }
    return overrides;
}

} // namespace virtpind
