// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests/lab/guest-caches: what a guest of a given shape is predicted to believe, as JSON.
//   guest_caches_prediction SOCKETS DIES CORES THREADS ENABLED SOURCE
// SOURCE of its caches: "emulated" by QEMU; "host", the CPU this runs on; or a number, for a host
// on which so many CPUs share an L3 and the threads of a core its L2.
#include "daemon/planner/guest/guest_caches.hpp"

#include <cpuid.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

using namespace virtpind;

std::string cpuid_vendor()
{
    std::array<unsigned, 4> words{}; // eax is not part of it
    __get_cpuid(0, words.data(), &words[1], &words[3], &words[2]);
    std::array<char, 13> text{};
    std::memcpy(text.data(), &words[1], sizeof(unsigned) * 3);
    return text.data();
}

// EAX of the leaf: type in bits 4:0 (0: no more caches, 2: instructions), level in 7:5, sharing in
// 25:14.
CacheSharing cpuid_sharing(CpuVendor vendor)
{
    CacheSharing sharing;
    const auto leaf = vendor == CpuVendor::amd ? 0x8000001DU : 4U;
    for (unsigned index = 0;; ++index) {
        unsigned eax = 0;
        unsigned ebx = 0;
        unsigned ecx = 0;
        unsigned edx = 0;
        if (__get_cpuid_count(leaf, index, &eax, &ebx, &ecx, &edx) == 0 || (eax & 0x1FU) == 0) {
            return sharing;
        }
        const auto count = ((eax >> 14U) & 0xFFFU) + 1;
        const auto level = (eax >> 5U) & 7U;
        if ((eax & 0x1FU) != 2) {
            (level == 1 ? sharing.l1 : level == 2 ? sharing.l2 : sharing.l3) = count;
        }
    }
}

std::vector<std::string> texts(const std::vector<VcpuSet>& groups)
{
    std::vector<std::string> all;
    for (const auto& group : groups) {
        all.push_back(group.str());
    }
    return all;
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 6) {
        std::cerr << "usage: SOCKETS DIES CORES THREADS ENABLED emulated|host|NUMBER\n";
        return 2;
    }
    const auto number = [&arguments](std::size_t at) {
        return static_cast<unsigned>(std::stoul(arguments[at]));
    };
    const GuestTopology guest{
        .sockets = number(0), .dies = number(1), .cores = number(2), .threads = number(3)};
    const auto enabled = *VcpuSet::parse(arguments[4]);
    const auto vendor = cpu_vendor(cpuid_vendor());
    const auto& source = arguments[5];
    const auto sharing =
        source == "host"
            ? cpuid_sharing(vendor)
            : CacheSharing{.l2 = guest.threads, .l3 = source == "emulated" ? 0 : number(5)};
    const auto groups = source == "emulated"
                            ? predict_emulated_caches(guest, enabled)
                            : predict_guest_caches(guest, enabled, vendor, sharing);
    nlohmann::json answer{{"vendor", cpuid_vendor()},
                          {"l1", texts(source == "host" ? groups.l1 : std::vector<VcpuSet>{})},
                          {"l2", texts(groups.l2)},
                          {"l3", texts(groups.l3)}};
    for (const auto vcpu : enabled) {
        answer["apic-ids"][std::to_string(raw(vcpu))] = apic_id(guest, vcpu);
    }
    std::cout << answer.dump() << "\n";
}
