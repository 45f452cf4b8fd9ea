// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tidy_allowance.hpp"

namespace virtpind {

std::size_t TidyAllowance::left(Time now) const
{
    std::size_t spent = 0;
    for (const auto& each : spent_) {
        spent += each.when + within > now ? each.vcpus : 0;
    }
    return spent < vcpus_max ? vcpus_max - spent : 0;
}

void TidyAllowance::spend(Time now, std::size_t vcpus)
{
    while (!spent_.empty() && spent_.front().when + within <= now) {
        spent_.pop_front();
    }
    if (vcpus > 0) {
        spent_.push_back({.when = now, .vcpus = vcpus});
    }
}

} // namespace virtpind
