// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as a map: a column for each core, a row for each of its threads. Pure.
#pragma once

#include "facts.hpp"
#include "layout.hpp"
#include "look.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtpind::client {

// What the map shows of a guest.
struct MapGuest {
    std::string name;
    std::map<std::uint32_t, CpuSet> vcpus;
    bool floats = false; // its vCPUs share CPUs with others
    std::string letter;  // stands for it; empty: the next that is free
    CpuSet isolated;     // CPUs that it has to itself
};

// Guests that are on CPUs of the host now, in the snapshot's order.
[[nodiscard]] std::vector<MapGuest> map_guests(const std::vector<Guest>& guests);

// "A" to "Z", then "AA" and so on: what stands for the guest of this number on a map.
[[nodiscard]] std::string letters_of(std::size_t number);

// Whether a vCPU has a CPU of its own, so that the map has a place for it.
[[nodiscard]] bool pins_one_by_one(const MapGuest& guest);

// Gives a guest that is on several maps the same letter on each.
void give_letters(std::vector<MapGuest>& before, std::vector<MapGuest>& after);

// Letters stand for guests and numbers for their vCPUs. A guest whose vCPUs may run on several CPUs
// each is only named below, with these CPUs.
[[nodiscard]] std::string render_map(const Layout& layout, const std::vector<MapGuest>& guests,
                                     const CpuSet& housekeeping, const CpuSet& pool,
                                     const Look& look);

} // namespace virtpind::client
