// SPDX-License-Identifier: LGPL-2.1-or-later
// The menu of the icon: the host, a sub-menu for each guest, and what concerns all. Updated in
// place; of many guests the first ones stand in it, running ones first, and the others below
// "More".
#pragma once

#include "changes.hpp"
#include "guest_menu.hpp"
#include "tray_model.hpp"

#include <QAction>
#include <QMenu>
#include <QObject>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace virtpind::tray {

inline constexpr std::size_t guests_in_menu = 12;
inline constexpr std::size_t guests_in_part = 20; // of a sub-menu below "More"

class TrayMenu : public QObject {
    Q_OBJECT

public:
    TrayMenu(TrayModel& model, Changes& changes);
    ~TrayMenu() override;

    [[nodiscard]] QMenu& menu() { return menu_; }

    void set_tells(bool tells) { tells_->setChecked(tells); }

public slots:
    void update();

signals:
    void map_wanted();
    void doctor_wanted();
    void tells_changed(bool tells);
    void quit_wanted();
    void why_wanted(const std::string& uuid);
    void reset_wanted(const std::string& uuid);

private:
    void add_choices();
    void update_guests();
    void update_pause();
    [[nodiscard]] std::vector<const client::Guest*> sorted_guests() const;
    GuestMenu& guest_menu(const client::Guest& guest);
    void place(const std::vector<const client::Guest*>& guests);

    TrayModel& model_;
    Changes& changes_;
    QMenu menu_;
    QAction* host_;
    QAction* health_;
    QAction* below_guests_;
    QMenu more_;
    std::vector<std::unique_ptr<QMenu>> parts_; // of "More"
    std::map<std::string, std::unique_ptr<GuestMenu>> guests_;
    std::vector<std::string> order_; // of the guests in the menu
    QAction* pause_all_ = nullptr;
    QAction* doctor_ = nullptr;
    QAction* tells_ = nullptr;
};

} // namespace virtpind::tray
