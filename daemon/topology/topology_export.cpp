// SPDX-License-Identifier: LGPL-2.1-or-later
#include "topology_export.hpp"

#include "hwloc_handle.hpp"
#include "sysfs_facts.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace virtpind {

namespace {

// Of guests: distinguishable also by the colour-blind (Okabe and Ito), pale enough for black text.
constexpr std::array<std::string_view, 6> palette = {"#e69f00", "#56b4e9", "#66c2a5",
                                                     "#f0e442", "#8da0cb", "#e78ac3"};
// Of what is no guest's: greys, which no guest has.
constexpr std::string_view housekeeping_colour = "#999999";
constexpr std::string_view pool_colour = "#dddddd";

std::string_view colour_of(const TopologyLabel& label, std::size_t position)
{
    switch (label.whose) {
    case TopologyLabel::Whose::housekeeping:
        return housekeeping_colour;
    case TopologyLabel::Whose::pool:
        return pool_colour;
    case TopologyLabel::Whose::guest:
        break;
    }
    return palette[position % palette.size()];
}

void paint(hwloc_topology_t hwloc, hwloc_obj_t unit, const TopologyLabel& label,
           std::string_view colour)
{
    // lstopo takes "KEY=value;KEY=value" and no blanks.
    const auto style = std::string{"Background="}.append(colour);
    hwloc_obj_add_info(unit, "lstopoStyle", style.c_str());
    hwloc_obj_add_info(unit, "virtpind", label.name.c_str());
    const auto thread = label.threads.find(CpuId{unit->os_index});
    const auto& text = thread == label.threads.end() ? label.name : thread->second;
    if (auto* note = hwloc_topology_insert_misc_object(hwloc, unit, text.c_str())) {
        hwloc_obj_add_info(note, "lstopoStyle", style.c_str());
    }
}

// The first label wins; colours repeat when there are more guests.
void paint(hwloc_topology_t hwloc, hwloc_obj_t unit, const std::vector<TopologyLabel>& labels)
{
    const auto has_it = [unit](const auto& label) {
        return label.cpus.contains(CpuId{unit->os_index});
    };
    const auto label = std::find_if(labels.begin(), labels.end(), has_it);
    if (label != labels.end()) {
        const auto position = static_cast<std::size_t>(label - labels.begin());
        paint(hwloc, unit, *label, colour_of(*label, position));
    }
}

// hwloc does not know of them; a file has them from where it was written.
void note_quiet_cpus(hwloc_topology_t hwloc, const TopologySource& source)
{
    if (source.kind != TopologySource::Kind::live) {
        return;
    }
    Topology host;
    hwloc_obj_t unit = nullptr;
    while ((unit = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_PU, unit)) != nullptr) {
        host.cpus.push_back({.id = CpuId{unit->os_index}});
    }
    add_quiet_cpus(host, source.root);
    const auto note = [hwloc](const char* name, const CpuSet& cpus) {
        if (!cpus.empty()) {
            hwloc_obj_add_info(hwloc_get_root_obj(hwloc), name, cpus.str().c_str());
        }
    };
    note(isolated_note, host.isolated);
    note(nohz_full_note, host.nohz_full);
}

// hwloc 3 writes a format that older ones cannot read, unless told.
unsigned long export_flags()
{
#if HWLOC_API_VERSION >= 0x00030000
    return HWLOC_TOPOLOGY_EXPORT_XML_FLAG_V2;
#else
    return 0;
#endif
}

} // namespace

Result<std::string> export_topology_xml(const TopologySource& source,
                                        const std::vector<TopologyLabel>& labels)
{
    const auto handle = load_hwloc(source);
    if (!handle) {
        return handle.error();
    }
    auto* hwloc = handle->get();
    hwloc_obj_t unit = nullptr;
    while ((unit = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_PU, unit)) != nullptr) {
        paint(hwloc, unit, labels);
    }
    note_quiet_cpus(hwloc, source);
    char* buffer = nullptr;
    auto length = 0;
    if (hwloc_topology_export_xmlbuffer(hwloc, &buffer, &length, export_flags()) != 0) {
        return Error{.code = Errc::internal,
                     .message = std::string{"hwloc failed to write XML: "} + std::strerror(errno)};
    }
    std::string xml{buffer};
    hwloc_free_xmlbuffer(hwloc, buffer);
    return xml;
}

} // namespace virtpind
