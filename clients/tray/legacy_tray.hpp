// SPDX-License-Identifier: LGPL-2.1-or-later
// The trays of X11 before StatusNotifierItem. Qt looks once in a process for a tray of the new
// kind, and never again, so it is not asked before one of the two is there.
#pragma once

namespace virtpind::tray {

// Whether this is an X11 display, which alone has them.
[[nodiscard]] bool may_have_legacy_tray();

// Whether somebody on this X11 display has a tray of the old kind; never on Wayland.
[[nodiscard]] bool has_legacy_tray();

} // namespace virtpind::tray
