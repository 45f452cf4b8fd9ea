// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a definition that virtpind may change, each by itself: a part can be recognized as
// virtpind's own and be reverted without the others. One table says where a part is in the XML,
// which parts are reverted together, and which tune a part stands for. A new tune is a new row.
#pragma once

#include "common/base/cpu_set.hpp"
#include "domain.hpp"
#include "policy.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace virtpind {

// In the order of the table, which is the order in which parts are reverted and tunes are written:
// <cpu> itself goes last, when nothing is left in it.
enum class DefinitionPart : std::uint8_t {
    vcpu,
    vcpus,
    smbios,
    vcpusched,
    cachetune,
    memorytune,
    cpu_mode,
    cpu_match,
    cpu_check,
    cpu_migratable,
    cpu_model,
    cpu_vendor,
    cpu_topology,
    cpu_cache,
    cpu_numa,
    hypervisor_feature,
    topoext_feature,
    invtsc_feature,
    cpu,
    vcpupin,
    emulatorpin,
    iothreadpin,
    vcpu_cpuset,
    numatune,
    iothreadids,
};

enum class PartForm : std::uint8_t {
    element,     // the child `tag` of `parent`
    attribute,   // the attribute `tag` of `parent`
    feature,     // <feature name='tag'> in `parent`
    vcpu,        // <vcpu> without its cpuset, which is a pin
    keyed,       // all elements `tag` of <cputune>, which name vCPUs by number
    presence,    // whether the element is there at all
    pin,         // a member of PinSet
    thread_pins, // a map in PinSet: one part for each thread, whose number ends the name
};

// Parts that only make sense together: with one of them as it was before and another as somebody
// else has it, libvirt may refuse the definition.
enum class UndoGroup : std::uint8_t { none, shape, cpu_model };

// How a part says a tune: with an attribute that has a value; of a part that is an attribute
// itself, with that.
struct PartTune {
    Tune tune;
    const char* attribute;
    const char* value;
    // The value that says the contrary, "" for none; of a feature, see turns_off() in
    // daemon/domain_xml/tuning_xml.
    const char* contrary = "";
    // Only <cpu mode='host-passthrough'> and mode='maximum' can carry it.
    bool needs_passthrough = false;
};

struct PartRow {
    DefinitionPart part;
    // In before-images on disk and in notes in the metadata; of thread_pins without the number.
    const char* name;
    PartForm form;
    const char* parent; // a child of <domain>; "" for <domain>
    const char* tag;
    UndoGroup group = UndoGroup::none;
    std::optional<PartTune> tune = std::nullopt;

    // Whether pin_parts() reads it.
    [[nodiscard]] bool is_pin() const
    {
        return form == PartForm::pin || form == PartForm::thread_pins;
    }
};

[[nodiscard]] std::span<const PartRow> part_table();
[[nodiscard]] const PartRow& row_of(DefinitionPart part);

// Row of the part with that name; nullptr for a name that only another version of virtpind knows.
[[nodiscard]] const PartRow* find_part(std::string_view name);

[[nodiscard]] bool is_part(std::string_view name, DefinitionPart part);

// The key of DefinitionParts; of thread_pins, that of one thread.
[[nodiscard]] std::string name_of(DefinitionPart part);
[[nodiscard]] std::string name_of(DefinitionPart part, std::uint32_t thread);

// "cputune/vcpupin:0-3": the pins of some threads, by vCPU or I/O thread.
struct ThreadPins {
    DefinitionPart part;
    VcpuSet threads;
};

// Nothing for a name of another form, or without a number.
[[nodiscard]] std::optional<ThreadPins> parse_thread_pins(std::string_view name);
[[nodiscard]] std::string name_of(const ThreadPins& pins);

// Whether it names vCPUs by number, beside their pins: it goes with the numbering.
[[nodiscard]] bool names_vcpus(std::string_view name);

} // namespace virtpind
