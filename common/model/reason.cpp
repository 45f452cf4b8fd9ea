// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reason.hpp"

#include <algorithm>
#include <array>

namespace virtpind {

bool asks_for_elsewhere(const Reasons& reasons)
{
    return std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.code == ReasonCode::policy_elsewhere;
    });
}

const Reason* main_shortfall(const Reasons& reasons)
{
    using enum ReasonCode;
    static constexpr std::array shortfalls{
        policy_elsewhere, memory_short,        fixed_cpus_unusable, pool_full,       no_pool,
        cpus_not_in_pool, devices_not_in_pool, claim_overrun,       own_core_denied, no_room,
        no_whole_cores,   no_single_node,      no_device_node,      no_kind,         no_smt,
        no_own_core,      no_room_as_asked,    cells_do_not_fit,    vcpus_missing,   vcpus_kept,
        kind_missed};
    const auto found = std::find_if(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return std::find(shortfalls.begin(), shortfalls.end(), reason.code) != shortfalls.end();
    });
    return found != reasons.end() ? &*found : reasons.empty() ? nullptr : &reasons.front();
}

const ReasonValue* find_argument(const ReasonArguments& arguments, std::string_view name)
{
    const auto at =
        std::find_if(arguments.begin(), arguments.end(), [name](const ReasonArgument& argument) {
            return argument.name.word() == name;
        });
    return at != arguments.end() ? &at->value : nullptr;
}

} // namespace virtpind
