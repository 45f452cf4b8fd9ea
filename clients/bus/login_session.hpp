// SPDX-License-Identifier: LGPL-2.1-or-later
// Where this process belongs to, as systemd-logind has it.
#pragma once

namespace virtpind::client {

// Whether it is part of a login session: of a desktop, a console or ssh, and not after su or in a
// container.
[[nodiscard]] bool is_of_login_session();

} // namespace virtpind::client
