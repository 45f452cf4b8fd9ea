// SPDX-License-Identifier: LGPL-2.1-or-later
// One applet on a desktop: a second one that is started asks the first to show its map, by
// org.freedesktop.Application.
#pragma once

#include <QDBusConnection>
#include <QObject>
#include <QStringList>
#include <QVariantMap>

namespace virtpind::tray {

class Instance : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.Application")

public:
    explicit Instance(QDBusConnection session, QObject* parent = nullptr);

    // Whether this process is the one.
    [[nodiscard]] bool claim();
    // Asks the one to show its map; false: it does not answer.
    [[nodiscard]] bool activate_other();

public slots:
    // Of the interface. The first capital letters are its.
    // NOLINTBEGIN(readability-identifier-naming)
    void Activate(const QVariantMap& platform_data);
    void Open(const QStringList& uris, const QVariantMap& platform_data);
    void ActivateAction(const QString& name, const QVariantList& parameters,
                        const QVariantMap& platform_data);
    // NOLINTEND(readability-identifier-naming)

signals:
    void activated();

private:
    QDBusConnection session_;
};

} // namespace virtpind::tray
