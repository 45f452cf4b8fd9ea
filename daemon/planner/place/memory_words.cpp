// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_words.hpp"

namespace virtpind {

namespace {

constexpr std::uint64_t kib_per_mib = 1024;
constexpr std::uint64_t kib_per_gib = kib_per_mib * kib_per_mib;

} // namespace

std::string mib(std::uint64_t kib)
{
    return std::to_string((kib + kib_per_mib - 1) / kib_per_mib) + " MiB";
}

std::string page_size(std::uint64_t kib)
{
    return kib % kib_per_gib == 0   ? std::to_string(kib / kib_per_gib) + " GiB"
           : kib % kib_per_mib == 0 ? std::to_string(kib / kib_per_mib) + " MiB"
                                    : std::to_string(kib) + " KiB";
}

std::string memory_wanted(const Intent& intent)
{
    return mib(intent.memory_kib) + " of free " +
           (intent.hugepage_kib ? "hugepages of " + std::to_string(*intent.hugepage_kib) + " KiB"
                                : "memory");
}

} // namespace virtpind
