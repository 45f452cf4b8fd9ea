// SPDX-License-Identifier: LGPL-2.1-or-later
#include "migration_xml.hpp"

#include "common/model/action.hpp"
#include "common/model/undo_merge.hpp"
#include "definition_editor.hpp"

#include <algorithm>

namespace virtpind {

namespace {

// Whether the other host has all that these pins name.
bool has_all(const Destination& destination, const PinSet& pins)
{
    const auto has = [&destination](const CpuSet& cpus) { return destination.cpus.includes(cpus); };
    const auto has_each = [&has](const auto& of_threads) {
        return std::all_of(of_threads.begin(), of_threads.end(),
                           [&has](const auto& pin) { return has(pin.second); });
    };
    const auto nodes_fit = [&](const NumaTune& tune) {
        return destination.nodes.includes(tune.nodes) &&
               std::all_of(tune.cells.begin(), tune.cells.end(), [&](const auto& cell) {
                   return destination.nodes.includes(cell.second);
               });
    };
    return has_each(pins.vcpus) && has_each(pins.iothreads) &&
           (!pins.emulator || has(*pins.emulator)) &&
           (!pins.vcpu_cpuset || has(*pins.vcpu_cpuset)) &&
           (!pins.numatune || nodes_fit(*pins.numatune));
}

template <class Id>
void cut(std::map<Id, CpuSet>& pins, const CpuSet& cpus)
{
    for (auto& [id, pin] : pins) {
        pin &= cpus;
    }
    std::erase_if(pins, [](const auto& pin) { return pin.second.empty(); });
}

void cut(std::optional<CpuSet>& pin, const CpuSet& cpus)
{
    if (pin && !pin->intersects(cpus)) {
        pin.reset();
    } else if (pin) {
        *pin &= cpus;
    }
}

// libvirt starts nothing that names a CPU or a node that is not there.
PinSet cut_to(PinSet pins, const Destination& destination)
{
    cut(pins.vcpus, destination.cpus);
    cut(pins.iothreads, destination.cpus);
    cut(pins.emulator, destination.cpus);
    cut(pins.vcpu_cpuset, destination.cpus);
    if (pins.numatune && !has_all(destination, PinSet{.numatune = pins.numatune})) {
        pins.numatune.reset(); // half of it would be other memory than was meant
    }
    return pins;
}

} // namespace

Result<std::string> xml_for(std::string_view text, const std::optional<Destination>& destination)
{
    auto editor = DefinitionEditor::open(text);
    if (!editor) {
        return editor.error();
    }
    const auto seen = editor->read(XmlKind::live);
    if (!seen) {
        return seen.error();
    }
    const auto now = seen->pins_in_force();
    const auto& note = seen->running ? seen->running_note() : seen->definition_note();
    auto pins = now;
    if (note && !(destination && has_all(*destination, now))) {
        pins = pins_before(now, *note);
    }
    if (destination) {
        pins = cut_to(std::move(pins), *destination);
    }
    pins.iothreads_listed = now.iothreads_listed; // their numbers are the guest's
    if (auto made =
            editor->make({.mode = DefinitionChange::Mode::replace, .pins = std::move(pins)});
        !made) {
        return std::move(made).error();
    }
    return editor->text();
}

} // namespace virtpind
