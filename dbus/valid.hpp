// SPDX-License-Identifier: LGPL-2.1-or-later
// The last check before the bus: a text that the bus cannot carry makes the whole reply fail,
// for every caller. Texts for people are escaped further (printable() in
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
// Policy options are made valid when they become variants.
[[nodiscard]] DomainView valid(DomainView view);

} // namespace virtpind::bus
