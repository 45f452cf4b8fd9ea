// SPDX-License-Identifier: LGPL-2.1-or-later
// The service on the system bus: brings what it says into the model, whenever it says that
// something changed, and makes calls. It never starts the service, and asks nothing at intervals,
// except for a bus that has gone. Calls return at once; `done` hears of the reply on the main
// thread, and not at all once the link is destroyed.
#pragma once

#include "tray_model.hpp"
#include "variants.hpp"

#include <QDBusConnection>
#include <QDBusPendingCall>
#include <QDBusServiceWatcher>
#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QTimer>
#include <functional>
#include <memory>
#include <string>

// Generated of the contract.
class ManagerCalls;

namespace virtpind::tray {

// What a call came to: a value, or the error's name and text.
template <class T>
struct Reply {
    T value{};
    QString error_name; // empty: it succeeded
    QString error_text;

    [[nodiscard]] bool failed() const { return !error_name.isEmpty(); }
};

struct Nothing {};

// As SetPolicy takes it.
struct PolicyCall {
    std::string policy; // empty with MERGE: as it is
    std::map<std::string, std::string> options;
    bool merge = true;
    bool defer = false;
    std::optional<std::uint64_t> expected_generation;
};

class ServiceLink : public QObject {
    Q_OBJECT

public:
    // The model outlives the link.
    explicit ServiceLink(TrayModel& model, QObject* parent = nullptr);
    ~ServiceLink() override;

    void open();
    // Reads everything again soon.
    void refresh();

    template <class T>
    using Done = std::function<void(Reply<T>)>;

    // The value is the guest's new Generation.
    void set_policy(const std::string& uuid, const PolicyCall& call, Done<std::uint64_t> done);
    void reset_policy(const std::string& uuid, Done<Nothing> done);
    void reapply(const std::string& uuid, Done<Nothing> done);
    void hold(const std::string& uuid, const QString& reason, Done<std::uint64_t> done);
    void release(std::uint64_t cookie, Done<Nothing> done);
    void why(const std::string& uuid, Done<WhyRows> done);
    void explain(const std::string& uuid, Done<std::string> done);
    void doctor(Done<std::string> done);

private slots:
    void on_signal();
    void on_owner_changed(const QString& name, const QString& before, const QString& after);
    void on_disconnected();

private:
    void connect_to_bus();
    [[nodiscard]] bool watch();
    void close();
    void find_owner();
    void read_all();
    void read_objects(const QVariantMap& manager);
    void read_layout(std::uint64_t generation);
    void on_read_failed(const QDBusPendingCall& call);
    void end_reading();

    template <class T, class Wire>
    void answer(const QDBusPendingCall& call, Done<T> done);
    // Makes a call of the manager, which returns what is a Wire on the bus.
    template <class Wire, class T, class Call>
    void ask(Done<T> done, Call call);

    TrayModel& model_;
    std::unique_ptr<QDBusConnection> connection_;
    std::unique_ptr<ManagerCalls> manager_;
    std::unique_ptr<QDBusServiceWatcher> watcher_;
    bool is_there_ = false; // the service has an owner
    bool reading_ = false;  // one reading at a time
    bool read_again_ = false;
    QElapsedTimer last_read_;   // since the last reading began
    std::uint64_t session_ = 0; // grows with each owner: replies of a former one are old
    std::optional<std::uint64_t> layout_of_; // the generation of the topology that the model has
    QTimer soon_;
    QTimer retry_;
};

} // namespace virtpind::tray
