// SPDX-License-Identifier: LGPL-2.1-or-later
// What a check of a plan finds.
#pragma once

#include "common/model/domain.hpp"

#include <optional>
#include <string>

namespace virtpind {

// A rule that a plan breaks, and whose plan it is that breaks it, where that can be told.
struct BrokenRule {
    std::optional<DomainUuid> domain;
    std::string text;
};

} // namespace virtpind
