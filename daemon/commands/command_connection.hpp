// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt for commands that run once. Main thread, blocking.
#pragma once

#include "common/base/result.hpp"
#include "daemon/libvirt/connection.hpp"
#include "daemon/libvirt/event_thread.hpp"

#include <iosfwd>
#include <memory>
#include <string>

namespace virtpind {

// A connection of which no call hangs for good, as a VirtEventThread runs meanwhile. An attempt to
// connect that takes 30 s ends the process with status 1, as libvirt cannot be told to give up; err
// then says that nothing was changed.
[[nodiscard]] Result<std::unique_ptr<host::VirtConnection>> connect_once(const std::string& uri,
                                                                         std::ostream& err);

// What `call` makes of such a connection.
template <class Call>
[[nodiscard]] auto with_connection(const std::string& uri, std::ostream& err, Call call)
    -> decltype(call(std::declval<const host::VirtConnection&>()))
{
    const host::VirtEventThread event_thread; // ends after the connection
    const auto connection = connect_once(uri, err);
    return connection ? call(**connection) : connection.error();
}

} // namespace virtpind
