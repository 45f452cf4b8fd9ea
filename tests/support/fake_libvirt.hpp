// SPDX-License-Identifier: LGPL-2.1-or-later
// What the functions in libvirt's place have in common: handles, errors, calls on VirtWorld that
// meet its faults, and events.
#pragma once

#include "virt_world.hpp"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <map>
#include <optional>
#include <string>

// libvirt keeps these to itself.
struct _virConnect {};

struct _virDomain {
    std::string uuid;
    std::string name;
    unsigned id = 0;
};

namespace virtpind::test {

// The error that libvirt would keep; -1.
int fail(int code, const std::string& text, int domain = VIR_FROM_QEMU);
int fail_lost();
int fail_refused();

// One call: with its fault, and `effect`, which returns its status.
template <class Effect>
int call(Kind kind, Effect effect)
{
    auto& world = virt_world();
    if (world.lost) {
        return fail_lost();
    }
    const auto what = world.meet(kind);
    switch (what) {
    case Fault::What::kill_before:
        throw Killed{};
    case Fault::What::refuse:
        return fail_refused();
    case Fault::What::lose:
        return fail_lost();
    default:
        break;
    }
    const auto status = effect(world);
    if (status >= 0 && kind != Kind::look) {
        ++world.changes;
    }
    switch (what) {
    case Fault::What::kill_after:
        throw Killed{};
    case Fault::What::fail_late:
        return status < 0 ? status : fail_refused();
    case Fault::What::lose_late:
        return fail_lost();
    default:
        return status;
    }
}

// The same for a domain that must be there.
template <class Effect>
int call_domain(Kind kind, virDomainPtr domain, Effect effect)
{
    return call(kind, [&](VirtWorld& world) {
        const auto at = world.guests.find(domain->uuid);
        return at == world.guests.end() ? fail(VIR_ERR_NO_DOMAIN, "no domain") : effect(at->second);
    });
}

// ... and, by `flags`, one of its definitions.
template <class Effect>
int call_definition(virDomainPtr domain, unsigned flags, Effect effect,
                    std::optional<Kind> about = {})
{
    const auto config = (flags & VIR_DOMAIN_AFFECT_CONFIG) != 0;
    const auto kind = about.value_or(config ? Kind::definition : Kind::live);
    return call_domain(kind, domain, [&](Guest& guest) {
        auto& definition = config ? guest.config : guest.live;
        return definition ? effect(*definition, guest)
                          : fail(VIR_ERR_OPERATION_INVALID, "the domain is not running");
    });
}

[[nodiscard]] _virDomain handle_of(const std::string& uuid, const Guest& guest);

// Who listens, by the number of the callback; two kinds of events are ever told.
struct Listener {
    int event = 0;
    virConnectDomainEventGenericCallback callback = nullptr;
    void* opaque = nullptr;
    virFreeCallback release = nullptr;
};

inline std::map<int, Listener> listeners;

template <class Callback, class... Arguments>
void tell_all(int event, const std::string& uuid, Arguments... arguments)
{
    _virDomain domain{.uuid = uuid, .name = {}, .id = 0};
    for (const auto& [id, listener] : listeners) {
        if (listener.event == event) {
            reinterpret_cast<Callback>(reinterpret_cast<void (*)()>(listener.callback))(
                nullptr, &domain, arguments..., listener.opaque);
        }
    }
}

inline void tell_lifecycle(const std::string& uuid, VirtWorld::Event event)
{
    const auto removed = event == VirtWorld::Event::removed;
    const auto detail = event == VirtWorld::Event::updated
                            ? static_cast<int>(VIR_DOMAIN_EVENT_DEFINED_UPDATED)
                            : 0; // added, removed
    tell_all<virConnectDomainEventCallback>(
        VIR_DOMAIN_EVENT_ID_LIFECYCLE, uuid,
        static_cast<int>(removed ? VIR_DOMAIN_EVENT_UNDEFINED : VIR_DOMAIN_EVENT_DEFINED), detail);
}

} // namespace virtpind::test
