// SPDX-License-Identifier: LGPL-2.1-or-later
// The colours of the map, for light and dark themes: eight that people with any kind of colour
// vision tell apart (those of Okabe and Ito, lighter or darker). Later guests have one of them with
// a pattern, and every cell has a letter, too.
#pragma once

#include <QBrush>
#include <QColor>
#include <QPalette>
#include <cstddef>

namespace virtpind::tray {

enum class Theme { light, dark };

[[nodiscard]] Theme theme_of(const QPalette& palette);

[[nodiscard]] QColor guest_colour(std::size_t number, Theme theme);
// What is drawn over it; Qt::NoBrush for the first eight.
[[nodiscard]] Qt::BrushStyle guest_pattern(std::size_t number);
// Black or white: what reads better on that colour.
[[nodiscard]] QColor text_on(const QColor& background);

struct MapColours {
    QColor background;
    QColor frame;  // lines around packages, nodes, L3s
    QColor text;   // their titles
    QColor core;   // behind the CPUs of a core
    QColor unused; // CPUs where nobody sits
    QColor host;   // kept for the host
    QColor pool;
    QColor quiet_text; // in these cells
    QColor cursor;     // around the cell that the keyboard is at
    QColor selected;   // around the cells of the selected guest
};

[[nodiscard]] MapColours map_colours(Theme theme);

} // namespace virtpind::tray
