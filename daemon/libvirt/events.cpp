// SPDX-License-Identifier: LGPL-2.1-or-later
#include "events.hpp"

#include <array>

namespace virtpind {

namespace {

constexpr std::size_t changes_max = 1024;
constexpr std::size_t losses_max = 4;

VirtEvents& events_of(void* opaque)
{
    return *static_cast<VirtEvents*>(opaque);
}

const char* lifecycle_word(int event)
{
    switch (event) {
    case VIR_DOMAIN_EVENT_DEFINED:
        return "defined";
    case VIR_DOMAIN_EVENT_UNDEFINED:
        return "undefined";
    case VIR_DOMAIN_EVENT_STARTED:
        return "started";
    case VIR_DOMAIN_EVENT_SUSPENDED:
    case VIR_DOMAIN_EVENT_PMSUSPENDED:
        return "suspended";
    case VIR_DOMAIN_EVENT_RESUMED:
        return "resumed";
    case VIR_DOMAIN_EVENT_STOPPED:
        return "stopped";
    case VIR_DOMAIN_EVENT_SHUTDOWN:
        return "shutdown";
    case VIR_DOMAIN_EVENT_CRASHED:
        return "crashed";
    default:
        return "lifecycle";
    }
}

DomainChanged::Kind lifecycle_kind(int event)
{
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        return DomainChanged::Kind::started;
    case VIR_DOMAIN_EVENT_STOPPED:
    case VIR_DOMAIN_EVENT_UNDEFINED:
        return DomainChanged::Kind::ended;
    default:
        return DomainChanged::Kind::other;
    }
}

bool is_migrated_in(int event, int detail)
{
    return (event == VIR_DOMAIN_EVENT_STARTED && detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED) ||
           (event == VIR_DOMAIN_EVENT_RESUMED && detail == VIR_DOMAIN_EVENT_RESUMED_MIGRATED);
}

int on_lifecycle(virConnectPtr /*connection*/, virDomainPtr domain, int event, int detail,
                 void* opaque)
{
    events_of(opaque).domain_changed(
        domain, is_migrated_in(event, detail) ? "migrated in" : lifecycle_word(event),
        lifecycle_kind(event));
    return 0;
}

enum class Change { tunable, metadata, device_added, device_removed, agent, vcpu_removed };

constexpr const char* to_word(Change change)
{
    switch (change) {
    case Change::tunable:
        return "tunable";
    case Change::metadata:
        return "metadata";
    case Change::device_added:
        return "device added";
    case Change::device_removed:
        return "device removed";
    case Change::agent:
        return "agent";
    case Change::vcpu_removed:
        return "vCPU removed";
    }
    return "changed";
}

// All other callbacks differ only in arguments that nobody reads.
template <Change change, class... Ignored>
void on_change(virConnectPtr /*connection*/, virDomainPtr domain, Ignored... /*ignored*/,
               void* opaque)
{
    events_of(opaque).domain_changed(domain, to_word(change));
}

void on_close(virConnectPtr /*connection*/, int reason, void* opaque)
{
    const auto& closing = *static_cast<EventSubscription::Closing*>(opaque);
    closing.events.connection_lost(closing.number, reason);
}

struct Subscribed {
    int id;
    virConnectDomainEventGenericCallback callback;
};

std::vector<Subscribed> subscribed()
{
    std::vector<Subscribed> events{
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
        {VIR_DOMAIN_EVENT_ID_TUNABLE,
         VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::tunable, virTypedParameterPtr, int>))},
        {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
         VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::metadata, int, const char*>))},
        {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
         VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::device_added, const char*>))},
        {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
         VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::device_removed, const char*>))},
        {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
         VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::agent, int, int>))},
    };
#if LIBVIR_CHECK_VERSION(12, 4, 0)
    events.push_back({VIR_DOMAIN_EVENT_ID_VCPU_REMOVED,
                      VIR_DOMAIN_EVENT_CALLBACK((on_change<Change::vcpu_removed, unsigned int>))});
#endif
    return events;
}

const char* loss_text(int reason)
{
    switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF:
        return "libvirt closed the connection";
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
        return "libvirt does not answer (keepalive)";
    case VIR_CONNECT_CLOSE_REASON_CLIENT:
        return "the connection was closed";
    default:
        return "the connection to libvirt broke";
    }
}

} // namespace

VirtEvents::VirtEvents(loop::EventLoop& loop, std::function<void(LibvirtEvent)> on_event,
                       std::function<void(ConnectionLoss)> on_loss)
    : on_event_{std::move(on_event)}
    , changes_{loop, changes_max, loop::Priority::host,
               [this](DomainChanged change) { deliver(std::move(change)); }}
    , losses_{loop, losses_max, loop::Priority::host, std::move(on_loss)}
{}

void VirtEvents::domain_changed(virDomainPtr domain, const char* what, DomainChanged::Kind kind)
{
    std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
    if (virDomainGetUUIDString(domain, uuid.data()) != 0) {
        return;
    }
    const DomainChanged change{.uuid = DomainUuid{uuid.data()}, .what = what, .kind = kind};
    if (changes_.post(change) == loop::Posted::full) {
        // Flag first, then try again: if the mailbox is full now as well, a delivery that comes
        // after the flag is still ahead, and so it is if there is room.
        overflowed_ = true;
        [[maybe_unused]] const auto posted = changes_.post(change);
    }
}

void VirtEvents::connection_lost(ConnectionNumber connection, int reason)
{
    // Full means that a loss is being reported already.
    [[maybe_unused]] const auto posted =
        losses_.post({.connection = connection,
                      .why = {.code = Errc::host_unavailable, .message = loss_text(reason)}});
}

void VirtEvents::deliver(DomainChanged change)
{
    if (overflowed_.exchange(false)) {
        on_event_(EventsOverflowed{});
    }
    on_event_(std::move(change));
}

EventSubscription::EventSubscription(virConnectPtr connection, ConnectionNumber number,
                                     VirtEvents& events)
    : connection_{connection}, closing_{events, number}
{
    // A driver that does not know one of them, or has no close callback, is looked at periodically.
    // libvirt takes the callback for a driver that has none, and would never free what is its own.
    virConnectRegisterCloseCallback(connection, on_close, &closing_, nullptr);
    for (const auto& [id, callback] : subscribed()) {
        const auto registered =
            virConnectDomainEventRegisterAny(connection, nullptr, id, callback, &events, nullptr);
        if (registered >= 0) {
            ids_.push_back(registered);
        }
    }
}

EventSubscription::~EventSubscription()
{
    for (const auto id : ids_) {
        virConnectDomainEventDeregisterAny(connection_, id);
    }
    virConnectUnregisterCloseCallback(connection_, on_close);
}

} // namespace virtpind
