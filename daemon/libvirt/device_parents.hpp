// SPDX-License-Identifier: LGPL-2.1-or-later
// Which device of the host is behind a mediated or a vDPA device, as sysfs tells; for where it is
// near. Reads a few links; nothing of a guest's text gets into a path unless it has the right form.
#pragma once

#include "common/model/domain.hpp"

#include <filesystem>

namespace virtpind {

// Fills `parent` of those that `root`/sys knows. One that does not exist, or not yet (libvirt makes
// mediated devices at the start of their guest), has none.
void find_parents(DomainFacts& facts, const std::filesystem::path& root);

} // namespace virtpind
