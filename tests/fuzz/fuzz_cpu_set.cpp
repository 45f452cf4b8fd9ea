// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a cpulist: what is accepted has one canonical form, which means the same.
#include "common/base/cpu_set.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    const std::string text{data, data + size};
    const auto cpus = CpuSet::parse(text);
    if (!cpus) {
        return 0;
    }
    const auto again = CpuSet::parse(cpus->str());
    if (!again || *again != *cpus || again->str() != cpus->str()) {
        std::abort();
    }
    return 0;
}
