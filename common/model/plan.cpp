// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan.hpp"

#include <algorithm>

namespace virtpind {

std::string pci_resource(std::string_view address)
{
    return "PCI device " + std::string{address};
}

CpuSet DomainPlan::vcpu_cpus() const
{
    CpuSet cpus;
    for (const auto& [vcpu, pin] : vcpus) {
        cpus |= pin;
    }
    return cpus;
}

CpuSet DomainPlan::own_cpus() const
{
    CpuSet cpus;
    for (const auto& [vcpu, pin] : vcpus) {
        cpus |= floating.contains(vcpu) ? CpuSet{} : pin;
    }
    return cpus;
}

const DomainPlan* Plan::find(const DomainUuid& uuid) const
{
    const auto at = std::find_if(domains.begin(), domains.end(),
                                 [&uuid](const DomainPlan& plan) { return plan.uuid == uuid; });
    return at != domains.end() ? &*at : nullptr;
}

} // namespace virtpind
