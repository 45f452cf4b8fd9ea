// SPDX-License-Identifier: LGPL-2.1-or-later
#include "finding.hpp"

#include <algorithm>

namespace virtpind {

std::size_t Diagnosis::count(Severity severity) const
{
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [severity](const Finding& one) { return one.severity == severity; }));
}

} // namespace virtpind
