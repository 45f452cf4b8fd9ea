// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt's callbacks hear, brought to the main thread. A callback only copies and posts.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "daemon/loop/mailbox.hpp"

#include <libvirt/libvirt.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace virtpind {

// Connections are numbered: a loss is reported by each who notices it, the last of them perhaps
// when there is another connection already.
enum class ConnectionNumber : std::uint64_t {};

struct ConnectionLoss {
    ConnectionNumber connection{};
    Error why;
};

// Must outlive VirtEventThread: callbacks may be running until that has ended.
class VirtEvents {
public:
    // `on_event` gets DomainChanged and EventsOverflowed, `on_loss` why a connection broke; both on
    // the main thread.
    VirtEvents(loop::EventLoop& loop, std::function<void(LibvirtEvent)> on_event,
               std::function<void(ConnectionLoss)> on_loss);

    // Any thread. Never lost without an EventsOverflowed that follows.
    void domain_changed(virDomainPtr domain, const char* what,
                        DomainChanged::Kind kind = DomainChanged::Kind::other);
    // Any thread: libvirt reports a loss on the thread that notices it, a caller's included.
    void connection_lost(ConnectionNumber connection, int reason);

private:
    void deliver(DomainChanged change);

    std::function<void(LibvirtEvent)> on_event_;
    std::atomic<bool> overflowed_{false};
    loop::Mailbox<DomainChanged> changes_;
    loop::Mailbox<ConnectionLoss> losses_;
};

// The callbacks of one connection, which must outlive it. Worker thread.
class EventSubscription {
public:
    EventSubscription(virConnectPtr connection, ConnectionNumber number, VirtEvents& events);
    // A connection with callbacks would stay open when it is closed.
    ~EventSubscription();

    EventSubscription(const EventSubscription&) = delete;
    EventSubscription& operator=(const EventSubscription&) = delete;

    // What the close callback is about.
    struct Closing {
        VirtEvents& events;
        ConnectionNumber number;
    };

private:
    virConnectPtr connection_; // borrowed
    // libvirt calls back under a lock that unregistering takes, too: not after it is gone.
    Closing closing_;
    std::vector<int> ids_;
};

} // namespace virtpind
