// SPDX-License-Identifier: LGPL-2.1-or-later
#include "map_window.hpp"

#include "shown_text.hpp"
#include "words.hpp"

#include <QHBoxLayout>
#include <QPainter>
#include <QPixmap>
#include <QScreen>
#include <QScrollArea>
#include <QShortcut>
#include <QSignalBlocker>
#include <QSplitter>
#include <QVBoxLayout>
#include <algorithm>

namespace virtpind::tray {

namespace {

QLabel* make_label(QWidget* parent)
{
    auto* label = new QLabel{parent};
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    return label;
}

// The colour and the letter that a guest has on the map; empty where it has no place there.
QIcon badge(const client::SceneGuest& guest, Theme theme, qreal scale)
{
    constexpr int width = 28;
    constexpr int height = 18;
    QPixmap pixmap{QSize{width, height} * scale};
    pixmap.setDevicePixelRatio(scale);
    pixmap.fill(Qt::transparent);
    if (!guest.letter.empty()) {
        QPainter painter{&pixmap};
        const QRect all{0, 0, width, height};
        const auto fill = guest_colour(guest.colour, theme);
        painter.fillRect(all, fill);
        if (const auto pattern = guest_pattern(guest.colour); pattern != Qt::NoBrush) {
            auto line = text_on(fill);
            line.setAlpha(90);
            painter.fillRect(all, QBrush{line, pattern});
        }
        painter.setPen(text_on(fill));
        painter.drawText(all, Qt::AlignCenter, QString::fromStdString(guest.letter));
    }
    QIcon icon{pixmap};
    icon.addPixmap(pixmap,
                   QIcon::Selected); // a style would tint it, and the colour is what it is for
    return icon;
}

} // namespace

MapWindow::MapWindow(TrayModel& model, ServiceLink& link)
    : model_{model}
    , link_{link}
    , notice_{make_label(this)}
    , health_{make_label(this)}
    , pointed_at_{make_label(this)}
    , map_{new MapWidget}
    , list_{new QListWidget}
    , details_{new QPlainTextEdit}
{
    setWindowTitle(tr("Where the guests are"));
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setWidget(map_);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    auto* side = new QWidget;
    auto* side_layout = new QVBoxLayout{side};
    side_layout->setContentsMargins(0, 0, 0, 0);
    make_side();
    side_layout->addWidget(list_, 2);
    side_layout->addWidget(details_, 3);
    auto* splitter = new QSplitter;
    splitter->addWidget(scroll);
    splitter->addWidget(side);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    auto* layout = new QVBoxLayout{this};
    layout->addWidget(notice_);
    layout->addWidget(health_);
    layout->addWidget(splitter, 1);
    layout->addWidget(pointed_at_);
    notice_->hide();
    // As many lines as a CPU has to tell, so that nothing moves under the pointer.
    pointed_at_->setMinimumHeight(2 * fontMetrics().lineSpacing());
    constexpr QSize wanted{900, 520};
    resize(wanted.boundedTo(screen()->availableSize() *
                            0.9)); // dense screens have fewer of these pixels
    connect(&model_, &TrayModel::changed, this, &MapWindow::update_all);
    connect(map_, &MapWidget::chosen, this, &MapWindow::select);
    connect(map_, &MapWidget::pointed_at, this, [this](const QString& text) {
        pointed_at_->setText(QString{text}.replace(u'\n', QStringLiteral(" · ")));
    });
    connect(new QShortcut{QKeySequence{Qt::Key_Escape}, this}, &QShortcut::activated, this,
            &QWidget::hide);
}

void MapWindow::make_side()
{
    list_->setAccessibleName(tr("Guests"));
    list_->setIconSize({28, 18});
    details_->setReadOnly(true);
    details_->setTabChangesFocus(true);
    details_->setAccessibleName(tr("The selected guest"));
    connect(list_, &QListWidget::currentRowChanged, this, [this](int row) {
        if (row >= 0 && row < std::ssize(listed_)) {
            select(listed_[static_cast<std::size_t>(row)]);
        }
    });
}

void MapWindow::present(const std::string& uuid)
{
    if (!uuid.empty()) {
        select(uuid);
    }
    show();
    setWindowState(windowState() & ~Qt::WindowMinimized);
    raise();
    activateWindow();
    map_->setFocus();
}

void MapWindow::set_notice(const QString& notice)
{
    notice_->setText(notice);
    notice_->setVisible(!notice.isEmpty());
}

void MapWindow::showEvent(QShowEvent* event)
{
    update_all();
    QWidget::showEvent(event);
}

void MapWindow::update_all()
{
    if (!isVisible()) {
        return; // it is brought up to date when it is shown
    }
    health_->setText(Words::health_at_length(model_) +
                     (model_.is_usable() ? QStringLiteral("\n") + Words::host(model_) : QString{}));
    const auto usable = model_.is_usable();
    map_->show_host(usable ? model_.layout() : nullptr, model_.snapshot());
    update_list();
    ask_reasons();
    update_details();
}

void MapWindow::update_list()
{
    const QSignalBlocker quiet{list_};
    const auto& guests = model_.snapshot().guests;
    const auto theme = theme_of(palette());
    listed_.clear();
    while (list_->count() > std::ssize(guests)) {
        delete list_->takeItem(list_->count() - 1);
    }
    for (std::size_t i = 0; i < guests.size(); ++i) {
        const auto row = static_cast<int>(i);
        if (row == list_->count()) {
            list_->addItem(new QListWidgetItem);
        }
        auto* item = list_->item(row);
        item->setText(Words::guest_title(guests[i]));
        const auto& drawn = map_->scene().guests;
        item->setIcon(
            badge(i < drawn.size() ? drawn[i] : client::SceneGuest{}, theme, devicePixelRatioF()));
        listed_.push_back(guests[i].uuid);
    }
    const auto at = std::find(listed_.begin(), listed_.end(), selected_);
    list_->setCurrentRow(at != listed_.end() ? static_cast<int>(at - listed_.begin()) : -1);
}

void MapWindow::select(const std::string& uuid)
{
    if (uuid != selected_) {
        selected_ = uuid;
        reasons_.clear();
    }
    map_->select(uuid);
    const QSignalBlocker quiet{list_};
    const auto at = std::find(listed_.begin(), listed_.end(), uuid);
    if (at != listed_.end()) {
        list_->setCurrentRow(static_cast<int>(at - listed_.begin()));
    }
    update_details();
    ask_reasons();
}

void MapWindow::ask_reasons()
{
    if (selected_.empty() || model_.find_guest(selected_) == nullptr) {
        return;
    }
    link_.why(selected_, [this, question = ++question_](const Reply<WhyRows>& reply) {
        if (question == question_ && !reply.failed()) {
            reasons_ = reply.value;
            update_details();
        }
    });
}

void MapWindow::update_details()
{
    const auto* guest = model_.find_guest(selected_);
    const auto text = guest != nullptr ? Words::details(*guest, reasons_)
                                       : tr("Select a guest to see why it is where it is.");
    if (text != details_->toPlainText()) {
        details_->setPlainText(text);
    }
}

} // namespace virtpind::tray
