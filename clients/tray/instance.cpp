// SPDX-License-Identifier: LGPL-2.1-or-later
#include "instance.hpp"

#include <QDBusMessage>
#include <utility>

namespace virtpind::tray {

namespace {

QString instance_name()
{
    return QStringLiteral("org.virtpind1.Applet");
}

QString instance_path()
{
    return QStringLiteral("/org/virtpind1/Applet");
}

} // namespace

Instance::Instance(QDBusConnection session, QObject* parent)
    : QObject{parent}, session_{std::move(session)}
{}

bool Instance::claim()
{
    return session_.registerObject(instance_path(), this, QDBusConnection::ExportAllSlots) &&
           session_.registerService(instance_name());
}

bool Instance::activate_other()
{
    auto message = QDBusMessage::createMethodCall(instance_name(), instance_path(),
                                                  QStringLiteral("org.freedesktop.Application"),
                                                  QStringLiteral("Activate"));
    message << QVariantMap{};
    constexpr int patience_ms = 5000;
    return session_.call(message, QDBus::Block, patience_ms).type() == QDBusMessage::ReplyMessage;
}

void Instance::Activate(const QVariantMap& /*platform_data*/)
{
    emit activated();
}

void Instance::Open(const QStringList& /*uris*/, const QVariantMap& /*platform_data*/)
{
    emit activated();
}

void Instance::ActivateAction(const QString& /*name*/, const QVariantList& /*parameters*/,
                              const QVariantMap& /*platform_data*/)
{
    emit activated();
}

} // namespace virtpind::tray
