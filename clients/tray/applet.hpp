// SPDX-License-Identifier: LGPL-2.1-or-later
// The applet as a whole: what the icon shows, what a click opens, what is told.
#pragma once

#include "changes.hpp"
#include "map_window.hpp"
#include "notifier.hpp"
#include "service_link.hpp"
#include "text_window.hpp"
#include "tray_icon.hpp"
#include "tray_menu.hpp"
#include "tray_model.hpp"

#include <QDBusConnection>
#include <QMessageBox>
#include <QObject>
#include <QSettings>
#include <chrono>
#include <memory>
#include <string>

namespace virtpind::tray {

class Applet : public QObject {
    Q_OBJECT

public:
    // `session` is the bus of the desktop; `tray_patience` how long a tray may take to come.
    Applet(QDBusConnection session, std::chrono::milliseconds tray_patience);
    ~Applet() override;

    void start();
    // Also for a second applet that is started.
    void show_map(const std::string& uuid = {});

private:
    void connect_menu();
    void update_icon();
    void on_news(const std::vector<News>& news);
    void tell(const News& news);
    void on_chosen(const std::string& key, const QString& action);
    void on_failed(const std::string& uuid, const QString& name, const QString& text);
    void on_no_tray();
    void show_diagnosis();
    void ask_to_reset(const std::string& uuid);
    [[nodiscard]] MapWindow& map();
    [[nodiscard]] TextWindow& text();

    QDBusConnection session_;
    QSettings settings_;
    TrayModel model_;
    ServiceLink link_;
    Changes changes_;
    TrayMenu menu_;
    Notifier notifier_;
    TrayIcon icon_;
    QString notice_; // above the map
    // Made when they are first wanted: a tray starts with the desktop, and most days nobody opens
    // them.
    std::unique_ptr<MapWindow> map_;
    std::unique_ptr<TextWindow> text_;
    std::unique_ptr<QMessageBox> question_;
};

} // namespace virtpind::tray
