// SPDX-License-Identifier: LGPL-2.1-or-later
#include "map_colours.hpp"

#include <array>
#include <cmath>

namespace virtpind::tray {

namespace {

struct Pair {
    QRgb light;
    QRgb dark;
};

constexpr std::array<Pair, 8> colours{{
    {0xFF0072B2, 0xFF4BA3DB}, // blue
    {0xFFE69F00, 0xFFE6A41A}, // orange
    {0xFF009E73, 0xFF23B58C}, // green
    {0xFFCC79A7, 0xFFD98BB6}, // pink
    {0xFF56B4E9, 0xFF8FD0F5}, // sky
    {0xFFD55E00, 0xFFE5762A}, // vermilion
    {0xFFF0E442, 0xFFEFE562}, // yellow
    {0xFF6A3D9A, 0xFFA98BD0}, // violet
}};

constexpr std::array<Qt::BrushStyle, 4> patterns{Qt::NoBrush, Qt::BDiagPattern,
                                                 Qt::DiagCrossPattern, Qt::Dense6Pattern};

// Relative luminance, as WCAG 2 defines it.
double luminance(const QColor& colour)
{
    const auto linear = [](double part) {
        return part <= 0.03928 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) +
           0.0722 * linear(colour.blueF());
}

} // namespace

Theme theme_of(const QPalette& palette)
{
    return luminance(palette.color(QPalette::Window)) <
                   luminance(palette.color(QPalette::WindowText))
               ? Theme::dark
               : Theme::light;
}

QColor guest_colour(std::size_t number, Theme theme)
{
    const auto& pair = colours.at(number % colours.size());
    return QColor::fromRgb(theme == Theme::light ? pair.light : pair.dark);
}

Qt::BrushStyle guest_pattern(std::size_t number)
{
    return patterns.at(number / colours.size() % patterns.size());
}

QColor text_on(const QColor& background)
{
    // The contrasts with black and with white are equal at this luminance.
    return luminance(background) > 0.179 ? QColor{Qt::black} : QColor{Qt::white};
}

MapColours map_colours(Theme theme)
{
    if (theme == Theme::dark) {
        return {.background = QColor{0x1E, 0x1F, 0x22},
                .frame = QColor{0x6B, 0x6F, 0x76},
                .text = QColor{0xD7, 0xD9, 0xDC},
                .core = QColor{0x3A, 0x3D, 0x42},
                .unused = QColor{0x2A, 0x2C, 0x30},
                .host = QColor{0x55, 0x59, 0x60},
                .pool = QColor{0x35, 0x38, 0x3D},
                .quiet_text = QColor{0xE4, 0xE5, 0xE7},
                .cursor = QColor{0xFF, 0xFF, 0xFF},
                .selected = QColor{0xFF, 0xFF, 0xFF}};
    }
    return {.background = QColor{0xFF, 0xFF, 0xFF},
            .frame = QColor{0x8A, 0x8F, 0x98},
            .text = QColor{0x2B, 0x2D, 0x31},
            .core = QColor{0xB9, 0xBD, 0xC4},
            .unused = QColor{0xF7, 0xF8, 0xF9},
            .host = QColor{0xCF, 0xD3, 0xD9},
            .pool = QColor{0xE9, 0xEB, 0xEE},
            .quiet_text = QColor{0x30, 0x33, 0x38},
            .cursor = QColor{0x00, 0x00, 0x00},
            .selected = QColor{0x00, 0x00, 0x00}};
}

} // namespace virtpind::tray
