// SPDX-License-Identifier: LGPL-2.1-or-later
// <qemu:commandline> and its kin: what libvirt passes to QEMU unread, behind its own arguments, so
// that it holds against what the definition says elsewhere. Pure.
//
// One table in qemu_arguments.cpp says which argument overrides what. <qemu:override> reaches
// devices by their alias; nothing that virtpind writes is one.
#pragma once

#include "common/model/domain.hpp"

#include <pugixml.hpp>

namespace virtpind {

[[nodiscard]] QemuOverrides read_qemu_overrides(const pugi::xml_node& domain);

} // namespace virtpind
