// SPDX-License-Identifier: LGPL-2.1-or-later
#include "proxy_base.hpp"

#include <QLatin1StringView>

#include <QDBusMessage>
#include <utility>

namespace virtpind::tray {

ProxyBase::ProxyBase(QString service, QString path, const char* interface,
                     QDBusConnection connection, QObject* parent)
    : QObject{parent}
    , service_{std::move(service)}
    , path_{std::move(path)}
    , interface_{QLatin1StringView{interface}}
    , connection_{std::move(connection)}
{}

QDBusPendingCall ProxyBase::asyncCallWithArgumentList(const QString& method,
                                                      const QList<QVariant>& arguments)
{
    auto message = QDBusMessage::createMethodCall(service_, path_, interface_, method);
    message.setArguments(arguments);
    message.setAutoStartService(false);
    message.setInteractiveAuthorizationAllowed(true);
    return connection_.asyncCall(message, timeout_ms_);
}

} // namespace virtpind::tray
