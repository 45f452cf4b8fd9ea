// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wanted_memory.hpp"

namespace virtpind {

ReasonArguments with_wanted_memory(const Intent& intent, ReasonArguments others)
{
    others.push_back({"memory", MemoryAmount{intent.memory_kib}});
    if (intent.hugepage_kib) {
        others.push_back({"page", PageSize{*intent.hugepage_kib}});
    }
    others.push_back(
        {"wanted", intent.hugepage_kib ? ReasonPhrase::free_hugepages : ReasonPhrase::free_memory});
    return others;
}

} // namespace virtpind
