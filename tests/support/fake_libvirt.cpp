// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of libvirt, and of libc for files, on VirtWorld: linked into a test, they take the
// place of the real ones.
#include "virt_world.hpp"

#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pugixml.hpp>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

// libvirt keeps these to itself.
struct _virConnect {};

struct _virDomain {
    std::string uuid;
    std::string name;
    unsigned id = 0;
};

namespace virtpind::test {

namespace {

using What = Fault::What;

virError error{};
std::string error_text;

int fail(int code, const std::string& text, int domain = VIR_FROM_QEMU)
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
    case What::kill_before:
        throw Killed{};
    case What::refuse:
        return fail_refused();
    case What::lose:
        return fail_lost();
    default:
        break;
    }
    const auto status = effect(world);
    if (status >= 0 && kind != Kind::look) {
        ++world.changes;
    }
    switch (what) {
    case What::kill_after:
        throw Killed{};
    case What::fail_late:
        return status < 0 ? status : fail_refused();
    case What::lose_late:
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

std::string cpus_of_map(const unsigned char* map, int bytes)
{
    CpuSet cpus;
    for (int byte = 0; byte < bytes; ++byte) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            if ((map[byte] & (1U << bit)) != 0) {
                cpus.insert(CpuId{static_cast<std::uint32_t>(byte) * 8 + bit});
            }
        }
    }
    return cpus.str();
}

int pin_call(virDomainPtr domain, std::string_view part, unsigned id, unsigned char* map, int bytes,
             unsigned flags)
{
    return call_definition(domain, flags, [&](Definition& definition, Guest&) {
        const auto there = part == "vcpu"       ? id < definition.vcpus
                           : part == "iothread" ? id >= 1 && id <= definition.iothreads
                                                : true;
        if (!there) {
            return fail(VIR_ERR_INVALID_ARG, "no such thread");
        }
        VirtWorld::pin(definition, part, id, cpus_of_map(map, bytes));
        return 0;
    });
}

_virDomain handle_of(const std::string& uuid, const Guest& guest)
{
    return _virDomain{.uuid = uuid,
                      .name = guest.config ? guest.config->name : guest.live->name,
                      .id =
                          guest.live ? static_cast<unsigned>(guest.id) : static_cast<unsigned>(-1)};
}

// Who listens, by the number of the callback; two kinds of events are ever told.
struct Listener {
    int event = 0;
    virConnectDomainEventGenericCallback callback = nullptr;
    void* opaque = nullptr;
    virFreeCallback release = nullptr;
};

std::map<int, Listener> listeners;

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

void tell_lifecycle(const std::string& uuid, VirtWorld::Event event)
{
    const auto removed = event == VirtWorld::Event::removed;
    const auto detail = event == VirtWorld::Event::updated
                            ? static_cast<int>(VIR_DOMAIN_EVENT_DEFINED_UPDATED)
                            : 0; // added, removed
    tell_all<virConnectDomainEventCallback>(
        VIR_DOMAIN_EVENT_ID_LIFECYCLE, uuid,
        static_cast<int>(removed ? VIR_DOMAIN_EVENT_UNDEFINED : VIR_DOMAIN_EVENT_DEFINED), detail);
}

// One call on a file, where no exception may pass.
template <class Effect>
int file_call(Effect effect) noexcept
{
    auto& world = virt_world();
    const auto what = world.dying ? What::none : world.meet(Kind::file);
    const auto fails = what == What::refuse || what == What::lose || what == What::fail_late ||
                       what == What::lose_late;
    if (fails) { // these do, or do not
        errno = EIO;
        return -1;
    }
    world.dying = world.dying || what == What::kill_before || what == What::kill_after;
    if (what == What::kill_before) {
        errno = EIO;
        return -1;
    }
    const auto status = effect();
    if (status == 0) {
        ++world.changes;
    }
    return status;
}

// As libvirt keeps an element that it is given without a namespace.
std::string in_namespace(const char* element, const std::string& key, const char* uri)
{
    pugi::xml_document document;
    document.load_string(element);
    auto root = document.document_element();
    root.prepend_attribute(("xmlns:" + key).c_str()) = uri;
    const auto name = [&key](pugi::xml_node node) {
        node.set_name((key + ":" + node.name()).c_str());
    };
    name(root);
    for (auto child : root.children()) {
        name(child);
    }
    std::ostringstream text;
    document.save(text, "", pugi::format_raw | pugi::format_no_declaration);
    return text.str();
}

} // namespace

} // namespace virtpind::test

using virtpind::test::call;
using virtpind::test::call_definition;
using virtpind::test::call_domain;
using virtpind::test::Definition;
using virtpind::test::fail;
using virtpind::test::file_call;
using virtpind::test::Guest;
using virtpind::test::Kind;
using virtpind::test::virt_world;
using virtpind::test::VirtWorld;

// ---- in place of libc's: nothing has to survive a power failure here --------------------------

extern "C" int fsync(int)
{
    auto& world = virt_world();
    switch (world.meet(Kind::file)) {
    case virtpind::test::Fault::What::kill_before:
    case virtpind::test::Fault::What::kill_after:
        throw virtpind::test::Killed{};
    case virtpind::test::Fault::What::none:
        ++world.changes;
        return 0;
    default:
        errno = EIO;
        return -1;
    }
}

extern "C" int rename(const char* from, const char* to) noexcept
{
    return file_call([&] {
        return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
    });
}

extern "C" int unlink(const char* path) noexcept
{
    return file_call([&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); });
}

// ---- in place of libvirt's --------------------------------------------------------------------

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

// Its owner did so at this moment: what is ours to do has no faults.
int virDomainUndefineFlags(virDomainPtr domain, unsigned)
{
    virt_world().undefine(domain->uuid);
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

int virDomainFree(virDomainPtr domain)
{
    delete domain;
    return 0;
}

const char* virDomainGetName(virDomainPtr domain)
{
    return domain->name.c_str();
}

unsigned virDomainGetID(virDomainPtr domain)
{
    return domain->id;
}

int virDomainGetUUIDString(virDomainPtr domain, char* buffer)
{
    std::strcpy(buffer, domain->uuid.c_str());
    return 0;
}

int virDomainGetJobStats(virDomainPtr, int*, virTypedParameterPtr*, int*, unsigned)
{
    return fail(VIR_ERR_NO_SUPPORT, "not here");
}

int virDomainGetControlInfo(virDomainPtr, virDomainControlInfoPtr info, unsigned)
{
    info->state = VIR_DOMAIN_CONTROL_OK;
    return 0;
}

int virDomainGetState(virDomainPtr domain, int* state, int* reason, unsigned)
{
    return call_domain(Kind::look, domain, [&](const Guest& guest) {
        *state = guest.live ? VIR_DOMAIN_RUNNING : VIR_DOMAIN_SHUTOFF;
        *reason = 0;
        return 0;
    });
}

int virDomainIsActive(virDomainPtr domain)
{
    return call_domain(Kind::look, domain, [](const Guest& guest) { return guest.live ? 1 : 0; });
}

int virDomainIsPersistent(virDomainPtr domain)
{
    return call_domain(Kind::look, domain, [](const Guest& guest) { return guest.config ? 1 : 0; });
}

char* virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
    std::string text;
    const auto status = call_domain(Kind::look, domain, [&](const Guest& guest) {
        const auto inactive = (flags & VIR_DOMAIN_XML_INACTIVE) != 0 && guest.config;
        text = !inactive && guest.live ? VirtWorld::format(*guest.live, &guest)
                                       : VirtWorld::format(*guest.config);
        return 0;
    });
    return status < 0 ? nullptr : ::strdup(text.c_str());
}

int virDomainGetVcpus(virDomainPtr domain, virVcpuInfoPtr infos, int count, unsigned char* maps,
                      int bytes)
{
    return call_domain(Kind::look, domain, [&](const Guest& guest) {
        if (!guest.live) {
            return fail(VIR_ERR_OPERATION_INVALID, "not running");
        }
        int row = 0;
        for (const auto id : guest.online) {
            if (row == count) {
                break;
            }
            const auto own = guest.live->vcpupins.find(id);
            const auto text = own != guest.live->vcpupins.end() ? own->second
                              : !guest.live->cpuset.empty()     ? guest.live->cpuset
                                                                : std::string{"0-7"};
            infos[row].number = id;
            const auto cpus = virtpind::CpuSet::parse(text);
            for (const auto cpu : *cpus) {
                maps[row * bytes + static_cast<int>(raw(cpu) / 8)] |=
                    static_cast<unsigned char>(1U << (raw(cpu) % 8));
            }
            ++row;
        }
        return row;
    });
}

virDomainPtr virDomainDefineXMLFlags(virConnectPtr, const char* xml, unsigned)
{
    virDomainPtr domain = nullptr;
    const auto status = call(Kind::definition, [&](VirtWorld& world) {
        const auto taken = world.take_definition(xml);
        return taken ? 0 : fail(taken.error().native_code, taken.error().message);
    });
    if (status == 0) {
        domain = new _virDomain{};
    }
    return domain;
}

int virDomainPinVcpuFlags(virDomainPtr domain, unsigned vcpu, unsigned char* map, int bytes,
                          unsigned flags)
{
    return virtpind::test::pin_call(domain, "vcpu", vcpu, map, bytes, flags);
}

int virDomainPinEmulator(virDomainPtr domain, unsigned char* map, int bytes, unsigned flags)
{
    return virtpind::test::pin_call(domain, "emulator", 0, map, bytes, flags);
}

int virDomainPinIOThread(virDomainPtr domain, unsigned iothread, unsigned char* map, int bytes,
                         unsigned flags)
{
    return virtpind::test::pin_call(domain, "iothread", iothread, map, bytes, flags);
}

int virDomainSetMetadata(virDomainPtr domain, int, const char* element, const char* key,
                         const char* uri, unsigned flags)
{
    const auto status = call_definition(
        domain, flags,
        [&](Definition& definition, Guest&) {
            if (std::string_view{uri}.find("nothing") != std::string_view::npos) {
                return 0;
            }
            const auto is_note = std::string_view{uri}.find("undo") != std::string_view::npos;
            auto& stored = is_note ? definition.note_xml : definition.policy_xml;
            stored = element != nullptr ? virtpind::test::in_namespace(element, key, uri) : "";
            return 0;
        },
        Kind::metadata);
    if (status == 0) {
        virtpind::test::tell_all<virConnectDomainEventMetadataChangeCallback>(
            VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, domain->uuid,
            static_cast<int>(VIR_DOMAIN_METADATA_ELEMENT), uri);
    }
    return status;
}

// libvirt's own would free the error that is ours. One set of parameters at a time.
int virTypedParamsAddString(virTypedParameterPtr* parameters, int* count, int*, const char*,
                            const char* value)
{
    static virTypedParameter both[2];
    static std::string text;
    text = value;
    both[0].type = VIR_TYPED_PARAM_STRING;
    both[0].value.s = text.data();
    *parameters = both;
    *count = 1;
    return 0;
}

int virTypedParamsAddInt(virTypedParameterPtr* parameters, int* count, int*, const char*, int value)
{
    auto& second = (*parameters)[(*count)++];
    second.type = VIR_TYPED_PARAM_INT;
    second.value.i = value;
    return 0;
}

void virTypedParamsFree(virTypedParameterPtr, int) {}

int virDomainSetNumaParameters(virDomainPtr domain, virTypedParameterPtr parameters, int count,
                               unsigned flags)
{
    return call_definition(domain, flags, [&](Definition& definition, Guest&) {
        for (int i = 0; i < count; ++i) {
            if (parameters[i].type == VIR_TYPED_PARAM_STRING) {
                definition.numatune_xml = "<numatune><memory mode='restrictive' nodeset='" +
                                          std::string{parameters[i].value.s} + "'/></numatune>";
            }
        }
        return 0;
    });
}

int virDomainSetVcpu(virDomainPtr domain, const char* map, int state, unsigned flags)
{
    return call_definition(domain, flags, [&](const Definition& definition, Guest& guest) {
        const auto id = static_cast<unsigned>(std::stoul(map));
        if (id >= definition.vcpus || (state == 0 && id < definition.current)) {
            return fail(VIR_ERR_INVALID_ARG, "not that vCPU");
        }
        if (state == 0) {
            guest.online.erase(id);
        } else {
            guest.online.insert(id);
        }
        return 0;
    });
}

} // extern "C"
