// SPDX-License-Identifier: LGPL-2.1-or-later
// The host as a drawing: where packages, nodes, L3s, cores and CPUs are, and who sits there.
// Lengths are in pixels of a screen without scaling. Pure.
#pragma once

#include "facts.hpp"
#include "layout.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace virtpind::client {

struct SceneRect {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
    friend bool operator==(const SceneRect&, const SceneRect&) = default;
};

// A frame around cores. Frames within a frame are smaller and come later.
struct SceneFrame {
    enum class Kind { package, node, l3 };
    Kind kind = Kind::package;
    SceneRect rect;
    std::uint64_t number =
        0; // a node's is the operating system's, the others' their place in the layout
    std::uint64_t size_kib = 0; // of an L3, or of a node's memory; 0: unknown
    bool vcache = false;
};

// A vCPU on a CPU.
struct Seat {
    std::size_t guest = 0; // in the snapshot
    std::uint32_t vcpu = 0;
    friend bool operator==(const Seat&, const Seat&) = default;
};

struct SceneCell {
    enum class Use { unused, guest, several, housekeeping, pool, isolated, offline };
    CpuId cpu{};
    SceneRect rect;
    Use use = Use::unused;
    std::vector<Seat> seats;
    std::size_t core = 0; // its core in the scene
};

struct SceneCore {
    SceneRect rect;
    CoreKind kind = CoreKind::performance;
};

// How a guest is drawn: the guests of a snapshot, in its order.
struct SceneGuest {
    std::string letter; // as virtpinctl's map has it; empty: the guest has no place on the map
    std::size_t colour = 0;
};

struct MapScene {
    int width = 0;
    int height = 0;
    std::vector<SceneFrame> frames;
    std::vector<SceneCore> cores;
    std::vector<SceneCell> cells; // by their CPUs
    std::vector<SceneGuest> guests;
};

// Frames stand beside each other as far as `width` has space for them. No core is left out,
// whatever the layout says.
[[nodiscard]] MapScene make_map_scene(const Layout& layout, const Snapshot& snapshot, int width);

// The text in a cell: "A0" for a vCPU, "h", "·", "~", "x" and "*" as on virtpinctl's map.
[[nodiscard]] std::string cell_text(const SceneCell& cell, const MapScene& scene);

} // namespace virtpind::client
