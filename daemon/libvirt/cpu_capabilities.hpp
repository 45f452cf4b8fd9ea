// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt and QEMU can give a guest on this host. Worker thread.
#pragma once

#include "common/model/guest_tuning.hpp"

#include <libvirt/libvirt.h>

#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// Asks once per connection. What cannot be learnt is absent.
[[nodiscard]] TuningAbilities read_tuning_abilities(virConnectPtr connection);

// What an answer of libvirt's says of a CPU at `path`, as the <cpu> that its baseline calls take;
// "" where it says nothing. Pure.
[[nodiscard]] std::string cpu_in(std::string_view answer, const char* path);

// Whether a <cpu> with all its features written out has one; nullopt where that is no CPU. Pure.
[[nodiscard]] std::optional<bool> has_feature(std::string_view expanded_cpu, const char* feature);

} // namespace virtpind
