// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notifier.hpp"

#include "shown_text.hpp"

#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QLoggingCategory>
#include <QVariantMap>
#include <algorithm>
#include <utility>

namespace virtpind::tray {

namespace {

QString server_name()
{
    return QStringLiteral("org.freedesktop.Notifications");
}

QString server_path()
{
    return QStringLiteral("/org/freedesktop/Notifications");
}

QDBusMessage server_call(const char* method)
{
    return QDBusMessage::createMethodCall(server_name(), server_path(), server_name(),
                                          QLatin1StringView{method});
}

} // namespace

Notifier::Notifier(QDBusConnection bus, QObject* parent)
    : QObject{parent}, bus_{std::move(bus)}, watcher_{server_name(), bus_}
{
    // Ids are the server's: another one gives them to others.
    connect(&watcher_, &QDBusServiceWatcher::serviceOwnerChanged, this, [this] {
        entries_.clear();
        capabilities_.reset();
    });
    const auto heard =
        bus_.connect({}, server_path(), server_name(), QStringLiteral("ActionInvoked"), this,
                     SLOT(on_action(uint, QString))) &&
        bus_.connect({}, server_path(), server_name(), QStringLiteral("NotificationClosed"), this,
                     SLOT(on_closed(uint, uint)));
    if (!heard) {
        qWarning("virtpind-applet: buttons of notifications do nothing: %s",
                 qPrintable(bus_.lastError().message()));
    }
}

void Notifier::show(const std::string& key, const Notification& notification,
                    std::function<void()> not_shown)
{
    auto& entry = entries_[key];
    if (entry.under_way) { // its id is not known yet
        entry.next = notification;
        return;
    }
    entry.under_way = true;
    if (capabilities_) {
        send(key, notification, std::move(not_shown));
        return;
    }
    auto* waiting =
        new QDBusPendingCallWatcher{bus_.asyncCall(server_call("GetCapabilities")), this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this,
            [this, waiting, key, notification, not_shown = std::move(not_shown)]() mutable {
                waiting->deleteLater();
                const QDBusPendingReply<QStringList> reply = *waiting;
                if (reply.isError()) {
                    entries_.erase(key);
                    if (not_shown) {
                        not_shown();
                    }
                    return;
                }
                capabilities_ = reply.value();
                send(key, notification, std::move(not_shown));
            });
}

void Notifier::send(const std::string& key, const Notification& notification,
                    std::function<void()> not_shown)
{
    const auto has = [this](const char* capability) {
        return capabilities_ && capabilities_->contains(QLatin1StringView{capability});
    };
    auto message = server_call("Notify");
    message << QStringLiteral("virtpind") << entries_[key].id << QStringLiteral("virtpind-applet")
            << notification.title
            << (has("body-markup") ? escaped(notification.body) : notification.body)
            << (has("actions") ? notification.actions : QStringList{})
            << QVariantMap{{QStringLiteral("desktop-entry"), QStringLiteral("virtpind-applet")},
                           {QStringLiteral("urgency"),
                            QVariant::fromValue(static_cast<uchar>(notification.urgency))}}
            << -1;
    auto* waiting = new QDBusPendingCallWatcher{bus_.asyncCall(message), this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this,
            [this, waiting, key, not_shown = std::move(not_shown)] {
                waiting->deleteLater();
                const QDBusPendingReply<uint> reply = *waiting;
                if (reply.isError()) {
                    entries_.erase(key);
                    if (not_shown) {
                        not_shown();
                    }
                    return;
                }
                auto& entry = entries_[key];
                entry.id = reply.value();
                entry.under_way = false;
                if (const auto next = std::exchange(entry.next, std::nullopt)) {
                    show(key, *next);
                }
            });
}

void Notifier::close(const std::string& key)
{
    const auto at = entries_.find(key);
    if (at == entries_.end() || at->second.id == 0) {
        return;
    }
    auto message = server_call("CloseNotification");
    message << at->second.id;
    bus_.call(message, QDBus::NoBlock);
}

bool Notifier::is_open(const std::string& key) const
{
    const auto at = entries_.find(key);
    return at != entries_.end();
}

void Notifier::on_action(uint id, const QString& action)
{
    for (const auto& [key, entry] : entries_) {
        if (entry.id == id && id != 0) {
            emit chosen(std::string{key}, action);
            return;
        }
    }
}

void Notifier::on_closed(uint id, uint /*reason*/)
{
    std::erase_if(entries_, [id](const auto& entry) {
        return entry.second.id == id && !entry.second.under_way;
    });
}

} // namespace virtpind::tray
