// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests arrive and leave, and after every event all that run are measured. Pure: equal input,
// equal figures.
#pragma once

#include "placers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::bench {

enum class Placer {
    lowest,
    nova,
    kubelet,
    kubelet_aligned,
    virtpind_still,
    virtpind_far,
    virtpind
};

struct PlacerName {
    Placer placer;
    std::string_view name;
    std::string_view color; // in the figure
};

inline constexpr std::array<PlacerName, 7> placer_names{{
    {Placer::lowest, "lowest free", "#999999"},
    {Placer::nova, "Nova", "#e69f00"},
    {Placer::kubelet, "kubelet", "#cc79a7"},
    {Placer::kubelet_aligned, "kubelet, aligned", "#0072b2"},
    {Placer::virtpind_still, "virtpind, move=never", "#56b4e9"},
    {Placer::virtpind_far, "virtpind, move=node", "#009e73"},
    {Placer::virtpind, "virtpind", "#d55e00"},
}};

// Sums over all guests after every event.
struct Figures {
    std::size_t samples = 0;
    std::size_t events = 0;
    std::size_t refused = 0; // guests that found no place
    std::size_t moved = 0;   // vCPUs of running guests
    double nodes = 0;        // more than the empty host would need; the next two likewise
    double packages = 0;
    double l3s = 0;
    double split = 0;         // cores of which it has a part
    double shared = 0;        // cores of which another guest has a part
    double neighbours = 0;    // L3s that another guest is on, too
    std::size_t threaded = 0; // samples of guests with threads
    double wrong = 0;         // the part of their cores whose threads are not siblings
    std::size_t mixed = 0;    // on cores of several kinds
    std::size_t flawed = 0;   // has any of nodes, l3s, shared, wrong, mixed

    Figures& operator+=(const Figures& other);
};

struct Run {
    std::uint64_t seed = 0;
    std::size_t events = 40;
};

// What virtpind's housekeeping leaves is for all policies.
[[nodiscard]] CpuSet usable_for_guests(const Topology& host);

[[nodiscard]] Figures measure(const Topology& host, Placer placer, const Run& run);

} // namespace virtpind::bench
