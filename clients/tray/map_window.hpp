// SPDX-License-Identifier: LGPL-2.1-or-later
// The map, its guests, and the reasons of the selected one; live while it is open.
#pragma once

#include "map_widget.hpp"
#include "service_link.hpp"
#include "tray_model.hpp"

#include <QLabel>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QWidget>
#include <string>

namespace virtpind::tray {

class MapWindow : public QWidget {
    Q_OBJECT

public:
    // Both outlive it.
    MapWindow(TrayModel& model, ServiceLink& link);

    // In front of the others, with this guest selected; empty: as it was.
    void present(const std::string& uuid = {});
    // What stands above the map; empty: nothing.
    void set_notice(const QString& notice);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void make_side();
    void update_all();
    void update_list();
    void select(const std::string& uuid);
    void update_details();
    void ask_reasons();

    TrayModel& model_;
    ServiceLink& link_;
    QLabel* notice_;
    QLabel* health_;
    QLabel* pointed_at_;
    MapWidget* map_;
    QListWidget* list_;
    QPlainTextEdit* details_;
    std::string selected_;
    WhyRows reasons_;
    std::uint64_t question_ = 0; // the latest one about reasons
    std::vector<std::string> listed_;
};

} // namespace virtpind::tray
