// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties as QtDBus brings them, read into the values that all clients share. What is missing or
// of another type than org.virtpind1(5) says stays empty: services are older or newer, or do not
// mean well. Pure.
#pragma once

#include "clients/view/facts.hpp"

#include <QDBusArgument>
#include <QDBusObjectPath>
#include <QMap>
#include <QVariantMap>

namespace virtpind::tray {

// The reply of GetManagedObjects: paths, interfaces, properties.
using InterfaceMap = QMap<QString, QVariantMap>;
using ObjectMap = QMap<QDBusObjectPath, InterfaceMap>;

// A reason as Why returns it: level, code, sentence.
struct WhyRow {
    QString level;
    QString code;
    QString text;
};

using WhyRows = QList<WhyRow>;

inline constexpr qsizetype guests_max = 2048; // further ones are left out

// Qt learns these types; before the first call.
void register_bus_types();

[[nodiscard]] client::Service read_service(const QVariantMap& properties);
[[nodiscard]] client::Guest read_guest(const QVariantMap& properties);

// The guests among the objects, by name. One without a UUID is no guest.
[[nodiscard]] std::vector<client::Guest> read_guests(const ObjectMap& objects);

QDBusArgument& operator<<(QDBusArgument& argument, const WhyRow& row);
const QDBusArgument& operator>>(const QDBusArgument& argument, WhyRow& row);

} // namespace virtpind::tray

Q_DECLARE_METATYPE(virtpind::tray::WhyRow)
