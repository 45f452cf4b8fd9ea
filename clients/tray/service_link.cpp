// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service_link.hpp"

#include "clients/view/answers.hpp"
#include "domain_calls.h"
#include "manager_calls.h"

#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <algorithm>
#include <chrono>
#include <utility>

namespace virtpind::tray {

namespace {

using namespace std::chrono_literals;

constexpr auto call_timeout_ms = 120'000; // a person may have to type a password
constexpr auto reading_timeout_ms = 30'000;
constexpr std::chrono::milliseconds together = 40ms;       // signals of one pass
constexpr std::chrono::milliseconds at_most_every = 250ms; // readings, while signals pour in
constexpr std::chrono::milliseconds first_retry = 1s;
constexpr std::chrono::milliseconds last_retry = 60s;

QString service_name()
{
    return QStringLiteral("org.virtpind1");
}

QString manager_path()
{
    return QStringLiteral("/org/virtpind1");
}

QString connection_name()
{
    return QStringLiteral("virtpind-applet-service");
}

// A call that does not start the service.
QDBusMessage plain_call(const QString& interface, const QString& method)
{
    auto message =
        QDBusMessage::createMethodCall(service_name(), manager_path(), interface, method);
    message.setAutoStartService(false);
    return message;
}

} // namespace

ServiceLink::ServiceLink(TrayModel& model, QObject* parent) : QObject{parent}, model_{model}
{
    soon_.setSingleShot(true);
    connect(&soon_, &QTimer::timeout, this, &ServiceLink::read_all);
    retry_.setSingleShot(true);
    retry_.setInterval(first_retry);
    connect(&retry_, &QTimer::timeout, this, &ServiceLink::connect_to_bus);
}

ServiceLink::~ServiceLink()
{
    close();
}

void ServiceLink::open()
{
    connect_to_bus();
}

void ServiceLink::close()
{
    watcher_.reset();
    manager_.reset();
    if (connection_) {
        connection_.reset();
        QDBusConnection::disconnectFromBus(connection_name());
    }
    is_there_ = false;
    reading_ = false;
    ++session_;
    layout_of_.reset();
}

void ServiceLink::connect_to_bus()
{
    close();
    connection_ = std::make_unique<QDBusConnection>(
        QDBusConnection::connectToBus(QDBusConnection::SystemBus, connection_name()));
    if (!connection_->isConnected() || !watch()) {
        const auto why = connection_->lastError().message();
        close();
        model_.lose_holds();
        model_.set_link(Link::no_bus, why);
        retry_.start();
        retry_.setInterval(std::min(retry_.intervalAsDuration() * 2, last_retry));
        return;
    }
    retry_.setInterval(first_retry);
    manager_ = std::make_unique<ManagerCalls>(service_name(), manager_path(), *connection_);
    manager_->set_timeout(call_timeout_ms);
    find_owner();
}

// False: the bus does not let us listen.
bool ServiceLink::watch()
{
    watcher_ = std::make_unique<QDBusServiceWatcher>(service_name(), *connection_,
                                                     QDBusServiceWatcher::WatchForOwnerChange);
    connect(watcher_.get(), &QDBusServiceWatcher::serviceOwnerChanged, this,
            &ServiceLink::on_owner_changed);
    const auto listen = [this](const QString& path, const char* interface, const char* signal) {
        return connection_->connect(service_name(), path, QLatin1StringView{interface},
                                    QLatin1StringView{signal}, this, SLOT(on_signal()));
    };
    return listen({}, "org.freedesktop.DBus.Properties", "PropertiesChanged") &&
           listen(manager_path(), "org.freedesktop.DBus.ObjectManager", "InterfacesAdded") &&
           listen(manager_path(), "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved") &&
           connection_->connect({}, QStringLiteral("/org/freedesktop/DBus/Local"),
                                QStringLiteral("org.freedesktop.DBus.Local"),
                                QStringLiteral("Disconnected"), this, SLOT(on_disconnected()));
}

void ServiceLink::find_owner()
{
    auto message = QDBusMessage::createMethodCall(
        QStringLiteral("org.freedesktop.DBus"), QStringLiteral("/org/freedesktop/DBus"),
        QStringLiteral("org.freedesktop.DBus"), QStringLiteral("NameHasOwner"));
    message << service_name();
    const auto call = connection_->asyncCall(message, reading_timeout_ms);
    auto* waiting = new QDBusPendingCallWatcher{call, this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this, [this, waiting, session = session_] {
        waiting->deleteLater();
        const QDBusPendingReply<bool> reply = *waiting;
        if (session != session_ || is_there_) {
            return;
        }
        is_there_ = !reply.isError() && reply.value();
        if (is_there_) {
            read_all();
        } else {
            model_.set_link(Link::no_service);
        }
    });
}

void ServiceLink::on_owner_changed(const QString& /*name*/, const QString& before,
                                   const QString& after)
{
    if (before == after) {
        return;
    }
    ++session_;
    reading_ = false;
    layout_of_.reset();
    model_.lose_holds();
    is_there_ = !after.isEmpty();
    if (is_there_) {
        model_.set_link(Link::connecting);
        read_all();
    } else {
        soon_.stop();
        model_.set_link(Link::no_service);
    }
}

void ServiceLink::on_disconnected()
{
    // Not within the connection's own signal.
    QTimer::singleShot(0, this, [this] {
        close();
        model_.lose_holds();
        model_.set_link(Link::no_bus);
        retry_.start();
    });
}

void ServiceLink::on_signal()
{
    refresh();
}

void ServiceLink::refresh()
{
    if (!is_there_) {
        return;
    }
    if (reading_) {
        read_again_ = true;
    } else if (!soon_.isActive()) {
        const std::chrono::milliseconds since{last_read_.isValid() ? last_read_.elapsed() : 0};
        soon_.start(last_read_.isValid() ? std::max(together, at_most_every - since) : together);
    }
}

void ServiceLink::read_all()
{
    if (!is_there_ || reading_) {
        return;
    }
    reading_ = true;
    read_again_ = false;
    last_read_.start();
    auto message =
        plain_call(QStringLiteral("org.freedesktop.DBus.Properties"), QStringLiteral("GetAll"));
    message << QStringLiteral("org.virtpind1.Manager");
    const auto call = connection_->asyncCall(message, reading_timeout_ms);
    auto* waiting = new QDBusPendingCallWatcher{call, this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this, [this, waiting, session = session_] {
        waiting->deleteLater();
        if (session != session_) {
            return;
        }
        const QDBusPendingReply<QVariantMap> reply = *waiting;
        if (reply.isError()) {
            on_read_failed(*waiting);
        } else {
            read_objects(reply.value());
        }
    });
}

void ServiceLink::read_objects(const QVariantMap& manager)
{
    const auto call =
        connection_->asyncCall(plain_call(QStringLiteral("org.freedesktop.DBus.ObjectManager"),
                                          QStringLiteral("GetManagedObjects")),
                               reading_timeout_ms);
    auto* waiting = new QDBusPendingCallWatcher{call, this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this,
            [this, waiting, manager, session = session_] {
                waiting->deleteLater();
                if (session != session_) {
                    return;
                }
                const QDBusPendingReply<ObjectMap> reply = *waiting;
                if (reply.isError()) {
                    on_read_failed(*waiting);
                    return;
                }
                model_.set_snapshot({read_service(manager), read_guests(reply.value())},
                                    manager.contains(QStringLiteral("IsolatedCPUs")));
                const auto generation = manager.value(QStringLiteral("TopologyGeneration"));
                read_layout(generation.toULongLong());
                end_reading();
            });
}

void ServiceLink::end_reading()
{
    reading_ = false;
    if (std::exchange(read_again_, false)) {
        soon_.start(at_most_every);
    }
}

void ServiceLink::on_read_failed(const QDBusPendingCall& call)
{
    const auto error = call.error();
    const auto is_refusal = error.type() == QDBusError::AccessDenied;
    const auto is_gone =
        error.type() == QDBusError::ServiceUnknown || error.type() == QDBusError::Disconnected;
    if (!is_gone) { // its going is told by who has the name
        model_.set_link(is_refusal ? Link::refused : Link::unreadable, error.message());
    }
    end_reading();
}

// The value of a reply that is a Wire on the bus.
template <class T, class Wire>
void ServiceLink::answer(const QDBusPendingCall& call, Done<T> done)
{
    auto* waiting = new QDBusPendingCallWatcher{call, this};
    connect(waiting, &QDBusPendingCallWatcher::finished, this, [waiting, done = std::move(done)] {
        waiting->deleteLater();
        Reply<T> result;
        const auto fail = [&result](const QDBusError& error) {
            result.error_name = error.name();
            result.error_text = error.message();
        };
        if constexpr (std::is_same_v<T, Nothing>) { // whatever it returns
            if (waiting->isError()) {
                fail(waiting->error());
            }
        } else {
            const QDBusPendingReply<Wire> reply = *waiting;
            if (reply.isError()) { // or it is of another type
                fail(reply.error());
            } else if constexpr (std::is_same_v<Wire, QString>) {
                result.value = reply.value().toStdString();
            } else {
                result.value = reply.value();
            }
        }
        done(result);
    });
}

template <class Wire, class T, class Call>
void ServiceLink::ask(Done<T> done, Call call)
{
    if (!manager_ || !is_there_) {
        Reply<T> gone;
        gone.error_name = QStringLiteral("org.freedesktop.DBus.Error.ServiceUnknown");
        // Callers are told after their call, as always.
        QTimer::singleShot(0, this, [done = std::move(done), gone] { done(gone); });
        return;
    }
    answer<T, Wire>(call(*manager_), std::move(done));
}

void ServiceLink::read_layout(std::uint64_t generation)
{
    if (layout_of_ == generation) {
        return;
    }
    layout_of_ = generation;
    ask<QString>(Done<std::string>{[this](const Reply<std::string>& reply) {
                     const auto layout = client::read_layout(reply.value);
                     const auto is_known = !reply.failed() && layout && layout->has_value();
                     model_.set_layout(is_known ? *layout : std::nullopt);
                     if (!reply.failed() && layout && !is_known) { // not read yet
                         layout_of_.reset();                       // with the next signal
                     }
                 }},
                 [](ManagerCalls& manager) { return manager.Describe(); });
}

void ServiceLink::set_policy(const std::string& uuid, const PolicyCall& call,
                             Done<std::uint64_t> done)
{
    constexpr qulonglong defer_flag = 0x2;
    constexpr qulonglong merge_flag = 0x4;
    QVariantMap options;
    for (const auto& [name, value] : call.options) {
        options[QString::fromStdString(name)] = QString::fromStdString(value);
    }
    if (call.expected_generation) {
        options[QStringLiteral("expect-generation")] =
            QVariant::fromValue<qulonglong>(*call.expected_generation);
    }
    const auto flags = (call.merge ? merge_flag : 0) | (call.defer ? defer_flag : 0);
    ask<qulonglong>(std::move(done), [&](ManagerCalls& manager) {
        return manager.SetPolicy(QString::fromStdString(uuid), QString::fromStdString(call.policy),
                                 options, flags);
    });
}

void ServiceLink::reset_policy(const std::string& uuid, Done<Nothing> done)
{
    ask<qulonglong>(std::move(done), [&](ManagerCalls& manager) {
        return manager.ResetPolicy(QString::fromStdString(uuid), 0);
    });
}

void ServiceLink::reapply(const std::string& uuid, Done<Nothing> done)
{
    ask<qulonglong>(std::move(done), [&](ManagerCalls& manager) {
        return manager.Reapply(QString::fromStdString(uuid), 0);
    });
}

void ServiceLink::hold(const std::string& uuid, const QString& reason, Done<std::uint64_t> done)
{
    ask<qulonglong>(std::move(done), [&](ManagerCalls& manager) {
        return manager.Hold(QString::fromStdString(uuid), reason);
    });
}

void ServiceLink::release(std::uint64_t cookie, Done<Nothing> done)
{
    ask<void>(std::move(done), [&](ManagerCalls& manager) { return manager.Release(cookie); });
}

void ServiceLink::why(const std::string& uuid, Done<WhyRows> done)
{
    ask<WhyRows>(std::move(done),
                 [&](ManagerCalls& manager) { return manager.Why(QString::fromStdString(uuid)); });
}

void ServiceLink::explain(const std::string& uuid, Done<std::string> done)
{
    auto element = QString::fromStdString(uuid);
    element.replace(u'-', u'_');
    ask<QString>(std::move(done), [&](ManagerCalls& /*manager*/) {
        DomainCalls domain{service_name(), manager_path() + QStringLiteral("/domain/_") + element,
                           *connection_};
        domain.set_timeout(reading_timeout_ms);
        return domain.Explain();
    });
}

void ServiceLink::doctor(Done<std::string> done)
{
    ask<QString>(std::move(done), [](ManagerCalls& manager) { return manager.Doctor({}); });
}

} // namespace virtpind::tray
