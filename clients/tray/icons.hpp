// SPDX-License-Identifier: LGPL-2.1-or-later
// The icon in the tray: four cores, whose colour and shape tell the state. It is painted, so that
// it needs no theme and no reader of SVG, at the sizes that panels take.
#pragma once

#include "tray_model.hpp"

#include <QColor>
#include <QIcon>

namespace virtpind::tray {

// What a state looks like: those that look alike have the same face.
enum class Face {
    good,     // full, green
    short_of, // full, amber, and a corner is missing
    held,     // two bars
    absent,   // hollow, grey
};

[[nodiscard]] Face face_of(Health health);
[[nodiscard]] QColor colour_of(Face face);
[[nodiscard]] QIcon tray_icon_of(Face face);

} // namespace virtpind::tray
