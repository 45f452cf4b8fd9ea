// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's functions of domains, on VirtWorld: linked into a test, they take the place of the real
// ones.
#include "fake_libvirt.hpp"

#include <pugixml.hpp>

#include <cstring>
#include <sstream>
#include <string_view>

namespace virtpind::test {

namespace {

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
using virtpind::test::Guest;
using virtpind::test::Kind;
using virtpind::test::virt_world;
using virtpind::test::VirtWorld;

extern "C" {

// Its owner did so at this moment: what is ours to do has no faults.
int virDomainUndefineFlags(virDomainPtr domain, unsigned)
{
    virt_world().undefine(domain->uuid);
    return 0;
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
        text = !inactive && guest.live ? virtpind::test::format_definition(*guest.live, &guest)
                                       : virtpind::test::format_definition(*guest.config);
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
