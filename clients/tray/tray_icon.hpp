// SPDX-License-Identifier: LGPL-2.1-or-later
// The icon in the tray, for as long as there is a tray: panels start after the applet, and end
// before it.
#pragma once

#include "icons.hpp"

#include <QDBusConnection>
#include <QDBusServiceWatcher>
#include <QMenu>
#include <QObject>
#include <QString>
#include <QSystemTrayIcon>
#include <QTimer>
#include <chrono>
#include <memory>
#include <optional>

namespace virtpind::tray {

class TrayIcon : public QObject {
    Q_OBJECT

public:
    // The menu outlives it. `patience`: how long a tray may take to come before there is none.
    TrayIcon(QDBusConnection bus, QMenu& menu, std::chrono::milliseconds patience,
             QObject* parent = nullptr);
    ~TrayIcon() override;

    void look_for_tray();
    // `tooltip` names no guest: some panels take it for markup.
    void show(Face face, const QString& tooltip);

    [[nodiscard]] bool is_shown() const { return icon_ != nullptr; }

signals:
    void clicked();
    // Once: there is no tray on this desktop so far.
    void no_tray();
    void shown();

private slots:
    void on_host_registered();

private:
    void ask_for_host();
    void on_patience_ended();
    void make_icon();
    void drop_icon();

    QDBusConnection bus_;
    QMenu& menu_;
    QDBusServiceWatcher watcher_;
    QTimer patience_;
    bool told_ = false; // that there is no tray
    std::optional<Face> face_;
    QString tooltip_;
    std::unique_ptr<QSystemTrayIcon> icon_;
};

} // namespace virtpind::tray
