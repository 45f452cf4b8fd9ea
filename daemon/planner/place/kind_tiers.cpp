// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kind_tiers.hpp"

#include "charges.hpp"
#include "cost.hpp"

namespace virtpind {

std::vector<std::vector<Kinds>> kind_tiers(const HostIndex& host, const Policy& policy)
{
    Kinds all;
    Kinds usual;
    std::vector<std::vector<Kinds>> tiers(2);
    for (std::uint32_t i = 0; i < host.topology->kinds.size(); ++i) {
        const KindIndex kind{i};
        const auto low_power = is_low_power(host, kind);
        all.insert(kind);
        if (!low_power) {
            usual.insert(kind);
        }
        if (is_wished(host.topology->kinds[i].core_class, policy.cores)) {
            tiers[0].push_back({kind});
        } else if (!low_power && policy.fallback != Fallback::fail) {
            tiers[1].push_back({kind});
        }
    }
    if (policy.cores != CoreChoice::any) {
        return tiers;
    }
    return usual == all ? std::vector<std::vector<Kinds>>{{all}}
                        : std::vector<std::vector<Kinds>>{{usual}, {all}};
}

} // namespace virtpind
