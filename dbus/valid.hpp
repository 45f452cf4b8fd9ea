// SPDX-License-Identifier: LGPL-2.1-or-later
// The last net before the bus: a text that it cannot carry makes the whole answer fail, for
// everybody. Whoever makes a text for people escapes more than this (printable() in
// common/base/printable).
#pragma once

#include "common/base/valid_text.hpp"
#include "common/model/control_port.hpp"

#include <string>
#include <vector>

namespace virtpind::bus {

template <class T>
[[nodiscard]] T valid(T value)
{
    return value;
}

[[nodiscard]] inline std::string valid(const std::string& text)
{
    return valid_text(text);
}

[[nodiscard]] std::vector<std::string> valid(std::vector<std::string> texts);
[[nodiscard]] ManagerView valid(ManagerView view);
// The policy's options are made valid where they become variants.
[[nodiscard]] DomainView valid(DomainView view);

} // namespace virtpind::bus
