// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reason.hpp"

#include <algorithm>

namespace virtpind {

bool asks_for_elsewhere(const Reasons& reasons)
{
    return std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.code == ReasonCode::policy_elsewhere;
    });
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
