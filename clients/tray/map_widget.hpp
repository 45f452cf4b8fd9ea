// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws the host and who sits where. Arrow keys go from CPU to CPU, Return selects the guest of
// one; the pointer does the same, and texts tell what is at either.
#pragma once

#include "clients/view/map_scene.hpp"
#include "map_colours.hpp"

#include <QWidget>
#include <optional>
#include <string>

class QPainter;

namespace virtpind::tray {

class MapWidget : public QWidget {
    Q_OBJECT

public:
    explicit MapWidget(QWidget* parent = nullptr);

    // nullptr: there is nothing to draw.
    void show_host(const client::Layout* layout, const client::Snapshot& snapshot);
    // By UUID; empty: none.
    void select(const std::string& uuid);

    [[nodiscard]] const client::MapScene& scene() const { return scene_; }

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

signals:
    void chosen(const std::string& uuid);
    // What is at the keyboard's cell or under the pointer; several lines, plain text.
    void pointed_at(const QString& text);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void arrange(int width);
    void paint_frames(QPainter& painter, const MapColours& colours) const;
    void paint_cell(QPainter& painter, const client::SceneCell& cell,
                    const MapColours& colours) const;
    [[nodiscard]] const client::SceneCell* cell_at(const QPoint& point) const;
    // The nearest cell in a direction.
    [[nodiscard]] std::optional<std::size_t> next_cell(int dx, int dy) const;
    [[nodiscard]] bool is_of_selected(const client::SceneCell& cell) const;
    void point_at(const client::SceneCell& cell);
    void choose(const client::SceneCell& cell);
    void move_cursor(std::size_t cell);

    std::optional<client::Layout> layout_;
    client::Snapshot snapshot_;
    client::MapScene scene_;
    Theme theme_ = Theme::light;
    std::string selected_;
    std::size_t cursor_ = 0; // of the scene's cells
};

} // namespace virtpind::tray
