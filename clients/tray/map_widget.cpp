// SPDX-License-Identifier: LGPL-2.1-or-later
#include "map_widget.hpp"

#include "shown_text.hpp"
#include "words.hpp"

#include <QEvent>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QResizeEvent>
#include <QToolTip>
#include <algorithm>
#include <cstdlib>

namespace virtpind::tray {

namespace {

constexpr int default_width = 460;

QRect rect_of(const client::SceneRect& rect)
{
    return {rect.x, rect.y, rect.width, rect.height};
}

} // namespace

MapWidget::MapWidget(QWidget* parent) : QWidget{parent}
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAccessibleName(tr("Map of the host"));
    theme_ = theme_of(palette());
}

void MapWidget::show_host(const client::Layout* layout, const client::Snapshot& snapshot)
{
    layout_ = layout != nullptr ? std::optional{*layout} : std::nullopt;
    snapshot_ = snapshot;
    arrange(width());
    cursor_ = scene_.cells.empty() ? 0 : std::min(cursor_, scene_.cells.size() - 1);
    if (hasFocus() && !scene_.cells.empty()) {
        point_at(scene_.cells[cursor_]); // somebody else may sit there now
    }
    update();
}

void MapWidget::arrange(int width)
{
    scene_ = layout_ ? client::make_map_scene(*layout_, snapshot_, width) : client::MapScene{};
    setMinimumHeight(scene_.height);
    updateGeometry();
}

void MapWidget::select(const std::string& uuid)
{
    selected_ = uuid;
    update();
}

QSize MapWidget::sizeHint() const
{
    return {std::max(scene_.width, default_width), scene_.height};
}

QSize MapWidget::minimumSizeHint() const
{
    return {0, scene_.height};
}

bool MapWidget::is_of_selected(const client::SceneCell& cell) const
{
    for (const auto& seat : cell.seats) {
        if (seat.guest < snapshot_.guests.size() &&
            snapshot_.guests[seat.guest].uuid == selected_) {
            return true;
        }
    }
    return false;
}

void MapWidget::paintEvent(QPaintEvent* event)
{
    const auto colours = map_colours(theme_);
    QPainter painter{this};
    painter.fillRect(rect(), colours.background);
    if (!layout_) {
        painter.setPen(colours.text);
        painter.drawText(
            rect(), Qt::AlignCenter | Qt::TextWordWrap,
            tr("There is nothing to draw: the service does not tell the host's layout."));
        return;
    }
    paint_frames(painter, colours);
    for (const auto& cell : scene_.cells) {
        if (event->rect().intersects(rect_of(cell.rect).adjusted(-3, -3, 3, 3))) {
            paint_cell(painter, cell, colours);
        }
    }
    for (const auto& cell : scene_.cells) {
        if (is_of_selected(cell)) {
            painter.setPen(QPen{colours.selected, 2});
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(rect_of(cell.rect).adjusted(1, 1, -1, -1));
        }
    }
    if (hasFocus() && cursor_ < scene_.cells.size()) {
        painter.setPen(QPen{colours.cursor, 2, Qt::DotLine});
        painter.drawRect(rect_of(scene_.cells[cursor_].rect).adjusted(-2, -2, 1, 1));
    }
}

void MapWidget::paint_frames(QPainter& painter, const MapColours& colours) const
{
    constexpr int title_left = 8;
    constexpr int title_height = 20;
    for (const auto& frame : scene_.frames) {
        const auto rect = rect_of(frame.rect);
        painter.setPen(
            QPen{colours.frame, frame.kind == client::SceneFrame::Kind::package ? 2.0 : 1.0,
                 frame.kind == client::SceneFrame::Kind::node ? Qt::DashLine : Qt::SolidLine});
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect.adjusted(0, 0, -1, -1));
        painter.setPen(colours.text);
        const QRect title{rect.x() + title_left, rect.y(), rect.width() - 2 * title_left,
                          title_height};
        const auto text =
            painter.fontMetrics().elidedText(Words::frame(frame), Qt::ElideRight, title.width());
        painter.drawText(title, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, text);
    }
    for (const auto& core : scene_.cores) {
        const auto style = core.kind == client::CoreKind::performance ? Qt::SolidLine : Qt::DotLine;
        painter.setPen(QPen{colours.core, 2, style});
        painter.drawRect(rect_of(core.rect).adjusted(-1, -1, 0, 0));
    }
}

void MapWidget::paint_cell(QPainter& painter, const client::SceneCell& cell,
                           const MapColours& colours) const
{
    using Use = client::SceneCell::Use;
    const auto rect = rect_of(cell.rect).adjusted(1, 1, -1, -1);
    auto fill = cell.use == Use::housekeeping ? colours.host
                : cell.use == Use::pool       ? colours.pool
                                              : colours.unused;
    auto text_colour = colours.quiet_text;
    auto pattern = Qt::NoBrush;
    if (cell.use == Use::guest || cell.use == Use::several) {
        const auto number = cell.seats.front().guest;
        const auto colour = number < scene_.guests.size() ? scene_.guests[number].colour : 0;
        fill = guest_colour(colour, theme_);
        text_colour = text_on(fill);
        pattern = cell.use == Use::several ? Qt::DiagCrossPattern : guest_pattern(colour);
    }
    painter.fillRect(rect, fill);
    if (pattern != Qt::NoBrush) {
        auto line = text_colour;
        line.setAlpha(90);
        painter.fillRect(rect, QBrush{line, pattern});
    }
    painter.setPen(text_colour);
    const auto text = QString::fromStdString(client::cell_text(cell, scene_));
    painter.drawText(rect, Qt::AlignCenter | Qt::TextSingleLine,
                     painter.fontMetrics().elidedText(text, Qt::ElideRight, rect.width()));
}

const client::SceneCell* MapWidget::cell_at(const QPoint& point) const
{
    const auto at =
        std::find_if(scene_.cells.begin(), scene_.cells.end(),
                     [&point](const auto& cell) { return rect_of(cell.rect).contains(point); });
    return at != scene_.cells.end() ? &*at : nullptr;
}

bool MapWidget::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event); // by its type
        if (const auto* cell = cell_at(help->pos())) {
            // Qt guesses whether a tooltip is markup: so it is, and the text in it is not.
            const auto text = escaped(Words::cell(*cell, scene_, snapshot_))
                                  .replace(u'\n', QStringLiteral("<br>"));
            QToolTip::showText(help->globalPos(),
                               QStringLiteral("<p style='white-space:pre'>%1</p>").arg(text), this,
                               rect_of(cell->rect));
        } else {
            QToolTip::hideText();
        }
        return true;
    }
    return QWidget::event(event);
}

void MapWidget::resizeEvent(QResizeEvent* event)
{
    if (event->size().width() != event->oldSize().width()) {
        arrange(event->size().width());
    }
}

void MapWidget::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange) {
        theme_ = theme_of(palette());
        update();
    }
    QWidget::changeEvent(event);
}

void MapWidget::focusInEvent(QFocusEvent* event)
{
    QWidget::focusInEvent(event);
    if (cursor_ < scene_.cells.size()) {
        point_at(scene_.cells[cursor_]);
    }
}

std::optional<std::size_t> MapWidget::next_cell(int dx, int dy) const
{
    if (cursor_ >= scene_.cells.size()) {
        return std::nullopt;
    }
    const auto from = rect_of(scene_.cells[cursor_].rect).center();
    std::optional<std::size_t> best;
    auto best_cost = 0;
    for (std::size_t i = 0; i < scene_.cells.size(); ++i) {
        const auto way = rect_of(scene_.cells[i].rect).center() - from;
        const auto ahead = way.x() * dx + way.y() * dy;
        const auto aside = std::abs(way.x() * dy) + std::abs(way.y() * dx);
        if (ahead <= 0) {
            continue;
        }
        const auto cost = ahead + 4 * aside; // rather straight on than near
        if (!best || cost < best_cost) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

void MapWidget::keyPressEvent(QKeyEvent* event)
{
    const auto go = [this](int dx, int dy) {
        if (const auto next = next_cell(dx, dy)) {
            move_cursor(*next);
        }
    };
    switch (event->key()) {
    case Qt::Key_Left:
        go(-1, 0);
        return;
    case Qt::Key_Right:
        go(1, 0);
        return;
    case Qt::Key_Up:
        go(0, -1);
        return;
    case Qt::Key_Down:
        go(0, 1);
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
        if (cursor_ < scene_.cells.size()) {
            choose(scene_.cells[cursor_]);
        }
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

void MapWidget::move_cursor(std::size_t cell)
{
    cursor_ = cell;
    point_at(scene_.cells[cell]);
    update();
}

void MapWidget::mousePressEvent(QMouseEvent* event)
{
    if (const auto* cell = cell_at(event->position().toPoint())) {
        move_cursor(static_cast<std::size_t>(cell - scene_.cells.data()));
        choose(*cell);
    }
}

void MapWidget::mouseMoveEvent(QMouseEvent* event)
{
    if (const auto* cell = cell_at(event->position().toPoint())) {
        point_at(*cell);
    }
}

void MapWidget::point_at(const client::SceneCell& cell)
{
    const auto text = Words::cell(cell, scene_, snapshot_);
    setAccessibleDescription(text);
    emit pointed_at(text);
}

void MapWidget::choose(const client::SceneCell& cell)
{
    if (!cell.seats.empty() && cell.seats.front().guest < snapshot_.guests.size()) {
        emit chosen(snapshot_.guests[cell.seats.front().guest].uuid);
    }
}

} // namespace virtpind::tray
