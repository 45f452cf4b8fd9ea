// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tray_icon.hpp"

#include "legacy_tray.hpp"

#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QLoggingCategory>
#include <utility>

namespace virtpind::tray {

namespace {

// For a tray of the old kind that comes later than the patience lasts.
constexpr std::chrono::seconds between_looks{10};

QString watcher_name()
{
    return QStringLiteral("org.kde.StatusNotifierWatcher");
}

QString watcher_path()
{
    return QStringLiteral("/StatusNotifierWatcher");
}

} // namespace

TrayIcon::TrayIcon(QDBusConnection bus, QMenu& menu, std::chrono::milliseconds patience,
                   QObject* parent)
    : QObject{parent}, bus_{std::move(bus)}, menu_{menu}, watcher_{watcher_name(), bus_}
{
    patience_.setSingleShot(true);
    patience_.setInterval(patience);
    connect(&patience_, &QTimer::timeout, this, &TrayIcon::on_patience_ended);
    connect(&watcher_, &QDBusServiceWatcher::serviceOwnerChanged, this,
            [this](const QString& /*name*/, const QString& /*before*/, const QString& after) {
                drop_icon();
                if (!after.isEmpty()) {
                    ask_for_host();
                }
            });
    if (!bus_.connect(watcher_name(), watcher_path(), watcher_name(),
                      QStringLiteral("StatusNotifierHostRegistered"), this,
                      SLOT(on_host_registered()))) {
        qWarning("virtpind-applet: a panel that starts later is not seen: %s",
                 qPrintable(bus_.lastError().message()));
    }
}

TrayIcon::~TrayIcon() = default;

void TrayIcon::look_for_tray()
{
    patience_.start();
    ask_for_host();
}

void TrayIcon::ask_for_host()
{
    auto message = QDBusMessage::createMethodCall(watcher_name(), watcher_path(),
                                                  QStringLiteral("org.freedesktop.DBus.Properties"),
                                                  QStringLiteral("Get"));
    message.setAutoStartService(false);
    message << watcher_name() << QStringLiteral("IsStatusNotifierHostRegistered");
    auto* waiting = new QDBusPendingCallWatcher{bus_.asyncCall(message), this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this, [this, waiting] {
        waiting->deleteLater();
        const QDBusPendingReply<QDBusVariant> reply = *waiting;
        if (!reply.isError() && reply.value().variant().toBool()) {
            on_host_registered();
        }
    });
}

void TrayIcon::on_host_registered()
{
    if (!icon_) {
        make_icon();
    }
}

void TrayIcon::on_patience_ended()
{
    if (icon_) {
        return;
    }
    if (has_legacy_tray()) {
        make_icon();
        return;
    }
    if (!std::exchange(told_, true)) {
        emit no_tray();
    }
    if (may_have_legacy_tray()) {
        patience_.start(between_looks); // nobody announces it on a bus
    }
}

void TrayIcon::make_icon()
{
    patience_.stop();
    icon_ = std::make_unique<QSystemTrayIcon>();
    connect(icon_.get(), &QSystemTrayIcon::activated, this,
            [this](QSystemTrayIcon::ActivationReason reason) {
                if (reason == QSystemTrayIcon::Trigger) {
                    emit clicked();
                }
            });
    icon_->setIcon(tray_icon_of(face_.value_or(Face::absent))); // one must be set before show()
    icon_->setToolTip(tooltip_);
    icon_->setContextMenu(&menu_);
    icon_->show();
    emit shown();
}

void TrayIcon::drop_icon()
{
    icon_.reset();
}

void TrayIcon::show(Face face, const QString& tooltip)
{
    const auto is_new = face_ != face;
    face_ = face;
    tooltip_ = tooltip;
    if (!icon_) {
        return;
    }
    if (is_new) {
        icon_->setIcon(tray_icon_of(face));
    }
    if (icon_->toolTip() != tooltip) {
        icon_->setToolTip(tooltip);
    }
}

} // namespace virtpind::tray
