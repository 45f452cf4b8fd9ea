// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_connection.hpp"

#include <unistd.h>

#include <chrono>
#include <future>
#include <ostream>
#include <thread>

namespace virtpind {

namespace {

// libvirt watches over calls, but not over connecting.
constexpr std::chrono::seconds connect_max{30};

} // namespace

Result<std::unique_ptr<VirtConnection>> connect_once(const std::string& uri, std::ostream& err,
                                                     Use use)
{
    using Opened = Result<std::unique_ptr<VirtConnection>>;
    std::promise<Opened> promise;
    auto opened = promise.get_future();
    std::thread opener{[&promise, &uri, use] {
        promise.set_value(use == Use::read ? VirtConnection::open_read_only(uri)
                                           : VirtConnection::open_deaf(uri));
    }};
    if (opened.wait_for(connect_max) == std::future_status::timeout) {
        err << "virtpind: libvirt does not respond; exiting, nothing was changed\n" << std::flush;
        ::_exit(1);
    }
    opener.join();
    return opened.get();
}

} // namespace virtpind
