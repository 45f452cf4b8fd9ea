// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons in tests: codes and arguments, not words.
#pragma once

#include "common/model/reason.hpp"
#include "daemon/render/reason_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace virtpind::test {

// A line for each, as people read it.
inline std::string shown(const Reasons& reasons)
{
    std::string lines;
    for (const auto& reason : reasons) {
        lines += std::string{to_string(reason.code)} + ": " + reason_text(reason) + "\n";
    }
    return lines;
}

inline bool has_arguments(const Reason& reason, const ReasonArguments& arguments)
{
    return std::all_of(arguments.begin(), arguments.end(), [&reason](const ReasonArgument& wanted) {
        const auto* value = find_argument(reason.arguments, wanted.name.word());
        return value != nullptr && *value == wanted.value;
    });
}

// Some reason has this code and, among others, these arguments.
inline testing::AssertionResult says(const Reasons& reasons, ReasonCode code,
                                     const ReasonArguments& arguments = {})
{
    const auto found = std::any_of(reasons.begin(), reasons.end(), [&](const Reason& reason) {
        return reason.code == code && has_arguments(reason, arguments);
    });
    return (found ? testing::AssertionSuccess() : testing::AssertionFailure())
           << "wanted " << to_string(code) << " with " << arguments.size() << " arguments among\n"
           << shown(reasons);
}

} // namespace virtpind::test
