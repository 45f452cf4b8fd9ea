// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls to libvirt that can be met by a fault (fault_plan.hpp).
#include "fault_plan.hpp"

#include <libvirt/libvirt.h>

using fault::meets_fault;

// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)

// A pin whose map has no bytes is refused by libvirt itself, which then also says why.
extern "C" int virDomainPinVcpuFlags(virDomainPtr domain, unsigned vcpu, unsigned char* map,
                                     int length, unsigned flags)
{
    const auto fails = meets_fault("virDomainPinVcpuFlags");
    return REAL(virDomainPinVcpuFlags)(domain, vcpu, map, fails ? 0 : length, flags);
}

extern "C" int virDomainPinEmulator(virDomainPtr domain, unsigned char* map, int length,
                                    unsigned flags)
{
    const auto fails = meets_fault("virDomainPinEmulator");
    return REAL(virDomainPinEmulator)(domain, map, fails ? 0 : length, flags);
}

extern "C" int virDomainPinIOThread(virDomainPtr domain, unsigned iothread, unsigned char* map,
                                    int length, unsigned flags)
{
    const auto fails = meets_fault("virDomainPinIOThread");
    return REAL(virDomainPinIOThread)(domain, iothread, map, fails ? 0 : length, flags);
}

// For the others it is the missing object that libvirt refuses.
extern "C" int virDomainSetNumaParameters(virDomainPtr domain, virTypedParameterPtr parameters,
                                          int count, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetNumaParameters");
    return REAL(virDomainSetNumaParameters)(fails ? nullptr : domain, parameters, count, flags);
}

extern "C" int virDomainSetMetadata(virDomainPtr domain, int type, const char* metadata,
                                    const char* key, const char* uri, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetMetadata");
    return REAL(virDomainSetMetadata)(fails ? nullptr : domain, type, metadata, key, uri, flags);
}

extern "C" int virDomainUndefineFlags(virDomainPtr domain, unsigned flags)
{
    const auto fails = meets_fault("virDomainUndefineFlags");
    return REAL(virDomainUndefineFlags)(fails ? nullptr : domain, flags);
}

extern "C" int virDomainSetVcpu(virDomainPtr domain, const char* map, int state, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetVcpu");
    return REAL(virDomainSetVcpu)(fails ? nullptr : domain, map, state, flags);
}

extern "C" virDomainPtr virDomainDefineXMLFlags(virConnectPtr connection, const char* xml,
                                                unsigned flags)
{
    const auto fails = meets_fault("virDomainDefineXMLFlags");
    return REAL(virDomainDefineXMLFlags)(fails ? nullptr : connection, xml, flags);
}

extern "C" virConnectPtr virConnectOpen(const char* name)
{
    const auto fails = meets_fault("virConnectOpen");
    return REAL(virConnectOpen)(fails ? "nosuch:///driver" : name);
}

extern "C" virConnectPtr virConnectOpenReadOnly(const char* name)
{
    const auto fails = meets_fault("virConnectOpenReadOnly");
    return REAL(virConnectOpenReadOnly)(fails ? "nosuch:///driver" : name);
}

// Delayed only: libvirt can hardly refuse it.
extern "C" int virConnectRegisterCloseCallback(virConnectPtr connection,
                                               virConnectCloseFunc callback, void* opaque,
                                               virFreeCallback free)
{
    [[maybe_unused]] const auto fails = meets_fault("virConnectRegisterCloseCallback");
    return REAL(virConnectRegisterCloseCallback)(connection, callback, opaque, free);
}

extern "C" int virConnectListAllDomains(virConnectPtr connection, virDomainPtr** domains,
                                        unsigned flags)
{
    const auto fails = meets_fault("virConnectListAllDomains");
    return REAL(virConnectListAllDomains)(fails ? nullptr : connection, domains, flags);
}

extern "C" virDomainPtr virDomainLookupByUUIDString(virConnectPtr connection, const char* uuid)
{
    const auto fails = meets_fault("virDomainLookupByUUIDString");
    return REAL(virDomainLookupByUUIDString)(fails ? nullptr : connection, uuid);
}

extern "C" char* virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetXMLDesc");
    return REAL(virDomainGetXMLDesc)(fails ? nullptr : domain, flags);
}

extern "C" int virDomainGetVcpus(virDomainPtr domain, virVcpuInfoPtr info, int count,
                                 unsigned char* maps, int length)
{
    const auto fails = meets_fault("virDomainGetVcpus");
    return REAL(virDomainGetVcpus)(fails ? nullptr : domain, info, count, maps, length);
}

extern "C" int virDomainGetState(virDomainPtr domain, int* state, int* reason, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetState");
    return REAL(virDomainGetState)(fails ? nullptr : domain, state, reason, flags);
}

extern "C" int virDomainIsPersistent(virDomainPtr domain)
{
    const auto fails = meets_fault("virDomainIsPersistent");
    return REAL(virDomainIsPersistent)(fails ? nullptr : domain);
}

extern "C" int virDomainIsActive(virDomainPtr domain)
{
    const auto fails = meets_fault("virDomainIsActive");
    return REAL(virDomainIsActive)(fails ? nullptr : domain);
}

extern "C" int virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info,
                                       unsigned flags)
{
    const auto fails = meets_fault("virDomainGetControlInfo");
    return REAL(virDomainGetControlInfo)(fails ? nullptr : domain, info, flags);
}

extern "C" int virDomainGetJobStats(virDomainPtr domain, int* type,
                                    virTypedParameterPtr* parameters, int* count, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetJobStats");
    return REAL(virDomainGetJobStats)(fails ? nullptr : domain, type, parameters, count, flags);
}

extern "C" virDomainPtr virDomainLookupByName(virConnectPtr connection, const char* name)
{
    const auto fails = meets_fault("virDomainLookupByName");
    return REAL(virDomainLookupByName)(fails ? nullptr : connection, name);
}

extern "C" char* virConnectGetCapabilities(virConnectPtr connection)
{
    const auto fails = meets_fault("virConnectGetCapabilities");
    return REAL(virConnectGetCapabilities)(fails ? nullptr : connection);
}

extern "C" char* virConnectGetDomainCapabilities(virConnectPtr connection, const char* emulator,
                                                 const char* arch, const char* machine,
                                                 const char* type, unsigned flags)
{
    const auto fails = meets_fault("virConnectGetDomainCapabilities");
    return REAL(virConnectGetDomainCapabilities)(fails ? nullptr : connection, emulator, arch,
                                                 machine, type, flags);
}

extern "C" int virConnectDomainEventRegisterAny(virConnectPtr connection, virDomainPtr domain,
                                                int event,
                                                virConnectDomainEventGenericCallback callback,
                                                void* opaque, virFreeCallback free)
{
    const auto fails = meets_fault("virConnectDomainEventRegisterAny");
    return REAL(virConnectDomainEventRegisterAny)(fails ? nullptr : connection, domain, event,
                                                  callback, opaque, free);
}

extern "C" char* virConnectBaselineCPU(virConnectPtr connection, const char** cpus, unsigned count,
                                       unsigned flags)
{
    const auto fails = meets_fault("virConnectBaselineCPU");
    return REAL(virConnectBaselineCPU)(fails ? nullptr : connection, cpus, count, flags);
}

extern "C" char* virConnectBaselineHypervisorCPU(virConnectPtr connection, const char* emulator,
                                                 const char* arch, const char* machine,
                                                 const char* type, const char** cpus,
                                                 unsigned count, unsigned flags)
{
    const auto fails = meets_fault("virConnectBaselineHypervisorCPU");
    return REAL(virConnectBaselineHypervisorCPU)(fails ? nullptr : connection, emulator, arch,
                                                 machine, type, cpus, count, flags);
}

extern "C" int virConnectSetKeepAlive(virConnectPtr connection, int interval, unsigned count)
{
    const auto fails = meets_fault("virConnectSetKeepAlive");
    return REAL(virConnectSetKeepAlive)(fails ? nullptr : connection, interval, count);
}

extern "C" char* virConnectGetURI(virConnectPtr connection)
{
    const auto fails = meets_fault("virConnectGetURI");
    return REAL(virConnectGetURI)(fails ? nullptr : connection);
}

extern "C" int virConnectGetLibVersion(virConnectPtr connection, unsigned long* version)
{
    const auto fails = meets_fault("virConnectGetLibVersion");
    return REAL(virConnectGetLibVersion)(fails ? nullptr : connection, version);
}

// Nobody asks how these end.
extern "C" int virConnectDomainEventDeregisterAny(virConnectPtr connection, int callback)
{
    [[maybe_unused]] const auto fails = meets_fault("virConnectDomainEventDeregisterAny");
    return REAL(virConnectDomainEventDeregisterAny)(connection, callback);
}

extern "C" int virConnectUnregisterCloseCallback(virConnectPtr connection,
                                                 virConnectCloseFunc callback)
{
    [[maybe_unused]] const auto fails = meets_fault("virConnectUnregisterCloseCallback");
    return REAL(virConnectUnregisterCloseCallback)(connection, callback);
}

extern "C" int virConnectClose(virConnectPtr connection)
{
    [[maybe_unused]] const auto fails = meets_fault("virConnectClose");
    return REAL(virConnectClose)(connection);
}

// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
