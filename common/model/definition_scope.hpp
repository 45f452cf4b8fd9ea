// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtpind {

// How much of a domain's definition somebody is shown: only the elements that virtpind writes, for
// everybody; all of it but its secrets, for who may set its policy.
enum class DefinitionScope { own, whole };

} // namespace virtpind
