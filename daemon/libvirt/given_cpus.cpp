// SPDX-License-Identifier: LGPL-2.1-or-later
#include "given_cpus.hpp"

#include "common/base/text_file.hpp"

namespace virtpind {

CpuSet read_given_cpus(const std::filesystem::path& root)
{
    constexpr std::size_t list_bytes_max = 64 * 1024;
    const auto text = read_text_file(
        root / "sys/fs/cgroup/machine.slice/cpuset.cpus.exclusive.effective", list_bytes_max);
    const auto given = text ? CpuSet::parse(*text) : Result<CpuSet>{CpuSet{}};
    return given ? *given : CpuSet{};
}

void add_given_cpus(RunningDomain& running, const CpuSet& given)
{
    if (given.empty() || !running.affinities) {
        return;
    }
    for (auto& [vcpu, cpus] : *running.affinities) {
        const auto own = running.pins.vcpus.find(vcpu);
        const auto* const pin = own != running.pins.vcpus.end() ? &own->second
                                : running.pins.vcpu_cpuset      ? &*running.pins.vcpu_cpuset
                                                                : nullptr;
        const auto whole = cpus | (pin != nullptr ? *pin & given : given);
        if (pin == nullptr || whole == *pin) {
            cpus = whole;
        }
    }
}

} // namespace virtpind
