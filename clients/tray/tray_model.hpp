// SPDX-License-Identifier: LGPL-2.1-or-later
// What the applet knows: the service, its guests, the holds of this applet, and what of that is
// news. Without widgets and without a bus: the link to the service feeds it, menu, map and
// notifications read it. Thread: Qt's main thread, as all of this room.
#pragma once

#include "clients/view/facts.hpp"
#include "clients/view/layout.hpp"

#include <QObject>
#include <QString>
#include <QTimer>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind::tray {

// How the link to the service is.
enum class Link { connecting, no_bus, no_service, refused, unreadable, answering };

// What the icon shows.
enum class Health {
    connecting,      // nothing is known yet
    no_bus,          // the message bus is gone
    no_service,      // nobody has the service's name
    refused,         // the service does not answer this user
    unreadable,      // it answers what nobody understands
    starting,        // it has not looked at the guests yet
    libvirt_waiting, // libvirt cannot be reached, for a moment so far
    libvirt_gone,    // the same for longer
    stopping,
    held,         // pinning of a running guest is paused
    not_as_asked, // at least one running guest
    as_asked,
};

struct News {
    enum class Kind {
        not_as_asked,
        as_asked_again,
        hold_ended, // the service ended it, as it restarted
        service_gone,
        service_back,
        libvirt_gone,
        libvirt_back,
    };
    Kind kind = Kind::not_as_asked;
    std::string uuid; // of the guest; empty: of the service
    friend bool operator==(const News&, const News&) = default;
};

class TrayModel : public QObject {
    Q_OBJECT

public:
    // `patience`: how long libvirt or the service may be away before that is news.
    explicit TrayModel(std::chrono::milliseconds patience = std::chrono::seconds{30},
                       QObject* parent = nullptr);

    // Of the link. `why` is the error's text, where there is one.
    void set_link(Link link, const QString& why = {});
    // `can_isolate`: the service knows the option "isolate".
    void set_snapshot(client::Snapshot snapshot, bool can_isolate);
    void set_layout(std::optional<client::Layout> layout);

    // Holds of this applet by UUID; they end with the connection to the service.
    void set_hold(const std::string& uuid, std::uint64_t cookie);
    void forget_hold(const std::string& uuid);
    // Nobody has them any more: the service has gone, or another has come.
    void lose_holds();
    [[nodiscard]] std::optional<std::uint64_t> hold_of(const std::string& uuid) const;

    [[nodiscard]] const std::map<std::string, std::uint64_t>& holds() const { return holds_; }

    [[nodiscard]] Health health() const;

    [[nodiscard]] const QString& why() const { return why_; }

    // Whether guests are known and may be changed.
    [[nodiscard]] bool is_usable() const;

    [[nodiscard]] bool can_isolate() const { return can_isolate_; }

    // Empty guests unless is_usable().
    [[nodiscard]] const client::Snapshot& snapshot() const { return snapshot_; }

    // nullptr: the service is too old to tell it, or has not yet.
    [[nodiscard]] const client::Layout* layout() const { return layout_ ? &*layout_ : nullptr; }

    [[nodiscard]] const client::Guest* find_guest(const std::string& uuid) const;

    // Running guests that are not as asked, and those whose pinning is paused, by whomever.
    [[nodiscard]] int count_not_as_asked() const;
    [[nodiscard]] int count_held() const;

signals:
    void changed();
    // After changed(). Nothing that was so at the first look is news.
    void told(const std::vector<virtpind::tray::News>& news);

private:
    void compare_guests();
    void watch_absence();
    void on_patience_ended();
    [[nodiscard]] bool is_settled() const;

    Link link_ = Link::connecting;
    QString why_;
    client::Snapshot snapshot_;
    bool can_isolate_ = false;
    std::optional<client::Layout> layout_;
    std::map<std::string, std::uint64_t> holds_;

    // By UUID: whether the guest was as asked when that was last looked at. It outlives the
    // service, so that what changed meanwhile is news, too.
    std::map<std::string, bool> as_asked_;
    bool first_look_ = true;
    std::set<std::string> lost_holds_;

    enum class Absent { nobody, service, libvirt };
    [[nodiscard]] Absent who_is_absent() const;
    Absent absent_ = Absent::nobody; // since the timer runs, or it has ended
    bool told_absent_ = false;
    bool was_there_ = false; // the service, once
    QTimer patience_;
};

} // namespace virtpind::tray
