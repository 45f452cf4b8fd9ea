// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt for one-shot commands. Main thread, blocking.
#pragma once

#include "common/base/result.hpp"
#include "daemon/libvirt/connection.hpp"
#include "daemon/libvirt/event_thread.hpp"

#include <iosfwd>
#include <memory>
#include <string>

namespace virtpind {

// What a command does with its connection: reading is granted to more users.
enum class Use { change, read };

// A connection whose calls end even if libvirt hangs, while a VirtEventThread runs. If connecting
// takes longer than 30 s, the process ends with status 1, because libvirt cannot be interrupted;
// err then says that nothing was changed.
[[nodiscard]] Result<std::unique_ptr<VirtConnection>>
connect_once(const std::string& uri, std::ostream& err, Use use = Use::change);

// The result of `call` on such a connection.
template <class Call>
[[nodiscard]] auto with_connection(const std::string& uri, std::ostream& err, Call call,
                                   Use use = Use::change)
    -> decltype(call(std::declval<const VirtConnection&>()))
{
    const VirtEventThread event_thread; // ends after the connection
    const auto connection = connect_once(uri, err, use);
    return connection ? call(**connection) : connection.error();
}

} // namespace virtpind
