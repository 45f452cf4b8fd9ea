// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtpind {

// The part of a domain's definition that a caller may see: only the elements that virtpind writes,
// for everybody; all of it except secrets, for callers who may set its policy.
enum class DefinitionScope { own, whole };

} // namespace virtpind
