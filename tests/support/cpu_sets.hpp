// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets of CPUs and vCPUs from their text, for tests: the text must be a valid one.
#pragma once

#include "common/base/cpu_set.hpp"

#include <string_view>

namespace virtpind::test {

inline CpuSet cpus(std::string_view text)
{
    return CpuSet::parse(text).value();
}

inline VcpuSet vcpus(std::string_view text)
{
    return VcpuSet::parse(text).value();
}

} // namespace virtpind::test
