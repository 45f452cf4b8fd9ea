// SPDX-License-Identifier: LGPL-2.1-or-later
#include "icons.hpp"

#include <QPainter>
#include <QPixmap>
#include <array>

namespace virtpind::tray {

namespace {

// In a square of 16 units.
constexpr qreal unit_count = 16;
constexpr std::array<QRectF, 4> squares{QRectF{1.5, 1.5, 6, 6}, QRectF{8.5, 1.5, 6, 6},
                                        QRectF{1.5, 8.5, 6, 6}, QRectF{8.5, 8.5, 6, 6}};

void paint(QPainter& painter, Face face)
{
    const auto colour = colour_of(face);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    switch (face) {
    case Face::good:
        painter.drawRects(squares.data(), static_cast<int>(squares.size()));
        break;
    case Face::short_of: // the last core is what is missing
        painter.drawRects(squares.data(), static_cast<int>(squares.size()) - 1);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen{colour, 1.5});
        painter.drawRect(squares.back().adjusted(0.75, 0.75, -0.75, -0.75));
        break;
    case Face::held:
        painter.drawRect(QRectF{2.5, 1.5, 4, 13});
        painter.drawRect(QRectF{9.5, 1.5, 4, 13});
        break;
    case Face::absent:
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen{colour, 1.5});
        for (const auto& square : squares) {
            painter.drawRect(square.adjusted(0.75, 0.75, -0.75, -0.75));
        }
        break;
    }
}

} // namespace

Face face_of(Health health)
{
    switch (health) {
    case Health::as_asked:
        return Face::good;
    case Health::not_as_asked:
        return Face::short_of;
    case Health::held:
        return Face::held;
    case Health::connecting:
    case Health::no_bus:
    case Health::no_service:
    case Health::refused:
    case Health::unreadable:
    case Health::starting:
    case Health::libvirt_waiting:
    case Health::libvirt_gone:
    case Health::stopping:
        break;
    }
    return Face::absent;
}

QColor colour_of(Face face)
{
    switch (face) {
    case Face::good:
        return QColor{0x2E, 0xB0, 0x67};
    case Face::short_of:
        return QColor{0xF2, 0xA9, 0x00};
    case Face::held:
        return QColor{0x4D, 0x9D, 0xE0};
    case Face::absent:
        break;
    }
    return QColor{0x90, 0x90, 0x90};
}

QIcon tray_icon_of(Face face)
{
    QIcon icon;
    for (const auto size : {16, 22, 24, 32, 48, 64}) {
        QPixmap pixmap{size, size};
        pixmap.fill(Qt::transparent);
        QPainter painter{&pixmap};
        // Edges between pixels are soft where the size is no multiple of the drawing's.
        painter.setRenderHint(QPainter::Antialiasing);
        painter.scale(size / unit_count, size / unit_count);
        paint(painter, face);
        painter.end();
        icon.addPixmap(pixmap);
    }
    return icon;
}

} // namespace virtpind::tray
