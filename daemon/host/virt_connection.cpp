// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt_connection.hpp"

#include "virt_error.hpp"

namespace virtpind::host {

namespace {

// A hung libvirtd is noticed after interval * (count + 1) = 20 s.
constexpr int keepalive_interval_s = 5;
constexpr unsigned keepalive_count = 3;

} // namespace

Result<std::unique_ptr<VirtConnection>> VirtConnection::open_deaf(const std::string& uri)
{
    const auto doing = "connecting to " + uri;
    ConnectionHandle connection{virConnectOpen(uri.c_str())};
    if (!connection) {
        auto error = last_error();
        // Whatever went wrong: there is no connection, and another attempt will be made.
        error.code = error.code == Errc::permission_denied ? error.code : Errc::host_unavailable;
        return std::move(error).context(doing);
    }
    const MallocString canonical{virConnectGetURI(connection.get())};
    const char* driver = virConnectGetType(connection.get());
    if (!canonical || driver == nullptr) {
        return last_error().context(doing);
    }
    HostConnected identity{.uri = canonical.get(), .driver = driver};
    return std::unique_ptr<VirtConnection>{
        new VirtConnection{std::move(connection), std::move(identity)}};
}

Result<std::unique_ptr<VirtConnection>> VirtConnection::open(const std::string& uri,
                                                             VirtEvents& events)
{
    auto opened = open_deaf(uri);
    if (opened) {
        // A driver within the process has no keepalive and needs none.
        virConnectSetKeepAlive((*opened)->raw(), keepalive_interval_s, keepalive_count);
        (*opened)->subscription_.emplace((*opened)->raw(), events);
    }
    return opened;
}

} // namespace virtpind::host
