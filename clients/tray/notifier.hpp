// SPDX-License-Identifier: LGPL-2.1-or-later
// Notifications by org.freedesktop.Notifications, one for each key, which the next of that key
// replaces. (What QSystemTrayIcon offers instead replaces the icon, too, and has no actions.)
#pragma once

#include <QDBusConnection>
#include <QDBusServiceWatcher>
#include <QObject>
#include <QString>
#include <QStringList>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace virtpind::tray {

class Notifier : public QObject {
    Q_OBJECT

public:
    enum class Urgency : unsigned char { low = 0, normal = 1, critical = 2 };

    struct Notification {
        QString title; // plain text, as all of these
        QString body;
        QStringList actions; // key and label, in turn
        Urgency urgency = Urgency::normal;
    };

    explicit Notifier(QDBusConnection bus, QObject* parent = nullptr);

    // `not_shown` is called when there is nobody who shows it.
    void show(const std::string& key, const Notification& notification,
              std::function<void()> not_shown = {});
    // Takes the one of this key away, if it is still there.
    void close(const std::string& key);
    [[nodiscard]] bool is_open(const std::string& key) const;

signals:
    void chosen(const std::string& key, const QString& action);

private slots:
    void on_action(uint id, const QString& action);
    void on_closed(uint id, uint reason);

private:
    struct Entry {
        uint id = 0;            // 0: not known yet
        bool under_way = false; // a call of Notify
        std::optional<Notification> next;
    };

    void learn_server();
    void send(const std::string& key, const Notification& notification,
              std::function<void()> not_shown);

    QDBusConnection bus_;
    QDBusServiceWatcher watcher_;
    std::map<std::string, Entry> entries_;
    std::optional<QStringList> capabilities_; // of the server, once it has told
};

} // namespace virtpind::tray
