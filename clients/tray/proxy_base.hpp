// SPDX-License-Identifier: LGPL-2.1-or-later
// What the generated proxies are made of. Their calls may ask for a password, and never start the
// service.
#pragma once

#include <QDBusConnection>
#include <QDBusPendingCall>
#include <QList>
#include <QObject>
#include <QString>
#include <QVariant>

namespace virtpind::tray {

class ProxyBase : public QObject {
public:
    void set_timeout(int milliseconds) { timeout_ms_ = milliseconds; }

protected:
    ProxyBase(QString service, QString path, const char* interface, QDBusConnection connection,
              QObject* parent);

    // Named as the generated code calls it.
    // NOLINTNEXTLINE(readability-identifier-naming)
    [[nodiscard]] QDBusPendingCall asyncCallWithArgumentList(const QString& method,
                                                             const QList<QVariant>& arguments);

private:
    QString service_;
    QString path_;
    QString interface_;
    QDBusConnection connection_;
    int timeout_ms_ = -1; // Qt's own
};

} // namespace virtpind::tray
