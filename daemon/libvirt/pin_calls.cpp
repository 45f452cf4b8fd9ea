// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pin_calls.hpp"

#include "daemon/domain_xml/domain_xml.hpp"
#include "error.hpp"
#include "observer.hpp"

#include <array>
#include <string>
#include <vector>

namespace virtpind {

namespace {

// libvirt's form of a CPU set, as long as its highest CPU needs: the host's size does not matter.
std::vector<unsigned char> to_map(const CpuSet& cpus)
{
    std::vector<unsigned char> map(VIR_CPU_MAPLEN(raw(cpus.back()) + 1));
    for (const auto cpu : cpus) {
        auto& byte = map.at(raw(cpu) / 8);
        byte = static_cast<unsigned char>(byte | (1U << (raw(cpu) % 8)));
    }
    return map;
}

// libvirt's answers to an empty set differ by driver; the test driver even takes it.
Error no_cpus()
{
    return Error{.code = Errc::invalid_argument,
                 .message = "there is no CPU to pin to; name at least one"};
}

struct PinCall {
    virDomainPtr domain;
    unsigned flags;

    int operator()(const PinVcpu& pin) const
    {
        auto map = to_map(pin.cpus);
        return virDomainPinVcpuFlags(domain, raw(pin.vcpu), map.data(),
                                     static_cast<int>(map.size()), flags);
    }

    int operator()(const PinEmulator& pin) const
    {
        auto map = to_map(pin.cpus);
        return virDomainPinEmulator(domain, map.data(), static_cast<int>(map.size()), flags);
    }

    int operator()(const PinIothread& pin) const
    {
        auto map = to_map(pin.cpus);
        return virDomainPinIOThread(domain, raw(pin.iothread), map.data(),
                                    static_cast<int>(map.size()), flags);
    }
};

template <class Pin>
Result<void> checked_call(virDomainPtr domain, const Pin& pin, unsigned flags)
{
    if (pin.cpus.empty()) {
        return no_cpus();
    }
    if (PinCall{domain, flags}(pin) < 0) {
        return last_error();
    }
    return {};
}

// A running domain's memory can be moved only in mode `restrictive`. A domain that has no numatune
// yet takes any mode once; after that, naming the mode again is an error in some libvirts.
Result<void> call_numa(virDomainPtr domain, const NumaTune& tune)
{
    const auto text = read_xml(domain, 0);
    if (!text) {
        return text.error();
    }
    const auto now = parse_domain_xml(*text, PolicyCatalog{}, XmlKind::live);
    if (!now) {
        return now.error();
    }
    if (!now->running) { // it ended: libvirt gave the definition
        return Error{.code = Errc::not_found, .message = "the domain runs no longer"};
    }
    virTypedParameterPtr parameters = nullptr;
    int count = 0;
    int capacity = 0;
    virTypedParamsAddString(&parameters, &count, &capacity, VIR_DOMAIN_NUMA_NODESET,
                            tune.nodes.str().c_str());
    if (!now->running->pins.numatune) {
        virTypedParamsAddInt(&parameters, &count, &capacity, VIR_DOMAIN_NUMA_MODE,
                             VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE);
    }
    const auto status =
        virDomainSetNumaParameters(domain, parameters, count, VIR_DOMAIN_AFFECT_LIVE);
    auto result = status < 0 ? Result<void>{last_error()} : Result<void>{};
    virTypedParamsFree(parameters, count);
    return result;
}

// By its number: virDomainSetVcpus takes the lowest ones, and so fills gaps.
Result<void> set_vcpu(virDomainPtr domain, VcpuId vcpu, int state)
{
    const auto map = std::to_string(raw(vcpu));
    if (virDomainSetVcpu(domain, map.c_str(), state, VIR_DOMAIN_AFFECT_LIVE) < 0) {
        return last_error();
    }
    return {};
}

} // namespace

Result<void> call_pin(virDomainPtr domain, const PinAction& pin, unsigned flags)
{
    return std::visit([domain, flags](const auto& one) { return checked_call(domain, one, flags); },
                      pin);
}

namespace {

struct LiveCall {
    const VirtConnection& connection;
    virDomainPtr domain;

    Result<void> operator()(const SetNuma& numa) const { return call_numa(domain, numa.numatune); }

    Result<void> operator()(const PlugVcpu& plug) const { return set_vcpu(domain, plug.vcpu, 1); }

    Result<void> operator()(const UnplugVcpu& unplug) const
    {
        return set_vcpu(domain, unplug.vcpu, 0);
    }

    Result<void> operator()(const PinVcpu& pin) const
    {
        // The test driver pins vCPUs of running domains only, and wants no flags for that.
        const auto flags =
            connection.is_test_driver() ? 0U : static_cast<unsigned>(VIR_DOMAIN_AFFECT_LIVE);
        return call_pin(domain, pin, flags);
    }

    template <class Pin>
    Result<void> operator()(const Pin& pin) const
    {
        return call_pin(domain, pin, VIR_DOMAIN_AFFECT_LIVE);
    }
};

} // namespace

Result<void> call_live(const VirtConnection& connection, virDomainPtr domain,
                       const LiveAction& action)
{
    return std::visit(LiveCall{connection, domain}, action);
}

} // namespace virtpind
