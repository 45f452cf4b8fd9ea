// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's functions of connections, errors and events, on VirtWorld: linked into a test, they
// take the place of the real ones.
#include "fake_libvirt.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace virtpind::test {

namespace {

virError error{};
std::string error_text;

} // namespace

int fail(int code, const std::string& text, int domain)
{
    error_text = text;
    error = {};
    error.code = code;
    error.domain = domain;
    error.message = error_text.data();
    return -1;
}

int fail_lost()
{
    virt_world().lost = true;
    return fail(VIR_ERR_INTERNAL_ERROR, "client socket is closed", VIR_FROM_RPC);
}

int fail_refused()
{
    return fail(VIR_ERR_OPERATION_FAILED, "the fault was asked for");
}

_virDomain handle_of(const std::string& uuid, const Guest& guest)
{
    return _virDomain{.uuid = uuid,
                      .name = guest.config ? guest.config->name : guest.live->name,
                      .id =
                          guest.live ? static_cast<unsigned>(guest.id) : static_cast<unsigned>(-1)};
}

} // namespace virtpind::test

using virtpind::test::call;
using virtpind::test::fail;
using virtpind::test::Kind;
using virtpind::test::virt_world;
using virtpind::test::VirtWorld;

extern "C" {

int virConnectDomainEventRegisterAny(virConnectPtr, virDomainPtr, int event,
                                     virConnectDomainEventGenericCallback callback, void* opaque,
                                     virFreeCallback release)
{
    static int last = 0;
    virt_world().on_definition = virtpind::test::tell_lifecycle;
    virtpind::test::listeners[++last] = {event, callback, opaque, release};
    return last;
}

int virConnectDomainEventDeregisterAny(virConnectPtr, int id)
{
    const auto listener = virtpind::test::listeners.extract(id);
    if (listener && listener.mapped().release != nullptr) {
        listener.mapped().release(listener.mapped().opaque);
    }
    return 0;
}

virErrorPtr virGetLastError(void)
{
    return &virtpind::test::error;
}

int virGetLastErrorCode(void)
{
    return virtpind::test::error.code;
}

virConnectPtr virConnectOpen(const char*)
{
    static _virConnect connection;
    return virt_world().lost ? (fail(VIR_ERR_NO_CONNECT, "refused"), nullptr) : &connection;
}

virConnectPtr virConnectOpenReadOnly(const char* name)
{
    return virConnectOpen(name);
}

int virConnectClose(virConnectPtr)
{
    return 0;
}

int virConnectSetKeepAlive(virConnectPtr, int, unsigned)
{
    return 0;
}

char* virConnectGetURI(virConnectPtr)
{
    return ::strdup("qemu:///system");
}

const char* virConnectGetType(virConnectPtr)
{
    return "QEMU";
}

int virConnectIsAlive(virConnectPtr)
{
    return virt_world().lost ? 0 : 1;
}

int virConnectGetLibVersion(virConnectPtr, unsigned long* version)
{
    *version = 9'000'000;
    return 0;
}

char* virConnectGetCapabilities(virConnectPtr)
{
    fail(VIR_ERR_NO_SUPPORT, "not here");
    return nullptr;
}

char* virConnectGetDomainCapabilities(virConnectPtr, const char*, const char*, const char*,
                                      const char*, unsigned)
{
    fail(VIR_ERR_NO_SUPPORT, "not here");
    return nullptr;
}

// What these answer with is made when the call is over: the daemon may die in it.
int virConnectListAllDomains(virConnectPtr, virDomainPtr** list, unsigned flags)
{
    std::vector<_virDomain> found;
    const auto status = call(Kind::look, [&](VirtWorld& world) {
        for (const auto& [uuid, guest] : world.guests) {
            const auto transient = flags == VIR_CONNECT_LIST_DOMAINS_TRANSIENT && !guest.config;
            if (flags == 0 || transient) {
                found.push_back(virtpind::test::handle_of(uuid, guest));
            }
        }
        return static_cast<int>(found.size());
    });
    if (status >= 0) {
        *list = static_cast<virDomainPtr*>(std::calloc(found.size() + 1, sizeof(virDomainPtr)));
        std::transform(found.begin(), found.end(), *list,
                       [](const auto& one) { return new _virDomain{one}; });
    }
    return status;
}

virDomainPtr virDomainLookupByUUIDString(virConnectPtr, const char* uuid)
{
    _virDomain domain;
    const auto status = call(Kind::look, [&](VirtWorld& world) {
        const auto at = world.guests.find(uuid);
        if (at == world.guests.end()) {
            return fail(VIR_ERR_NO_DOMAIN, "no domain");
        }
        domain = virtpind::test::handle_of(at->first, at->second);
        return 0;
    });
    return status < 0 ? nullptr : new _virDomain{domain};
}

} // extern "C"
