// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection.hpp"

#include "error.hpp"

namespace virtpind {

namespace {

// A hung libvirtd is noticed after interval * (count + 1) = 20 s. libvirtd itself pings after 5 s
// of silence (keepalive_interval in libvirtd.conf), and whatever comes in puts our own pings off:
// with a longer interval than its, none is sent while it lives, which halves the wake-ups of an
// idle host.
constexpr int keepalive_interval_s = 10;
constexpr unsigned keepalive_count = 1;

} // namespace

Result<std::unique_ptr<VirtConnection>> VirtConnection::open_bare(const std::string& uri, Open open)
{
    const auto what = "connect to " + uri;
    ConnectionHandle connection{open(uri.c_str())};
    if (!connection) {
        auto error = last_error();
        // Whatever went wrong: there is no connection, and another attempt will be made.
        error.code = error.code == Errc::permission_denied ? error.code : Errc::host_unavailable;
        return std::move(error).failed_to(what);
    }
    // A driver within the process has no keepalive and needs none.
    virConnectSetKeepAlive(connection.get(), keepalive_interval_s, keepalive_count);
    const MallocString canonical{virConnectGetURI(connection.get())};
    const char* driver = virConnectGetType(connection.get());
    if (!canonical || driver == nullptr) {
        return last_error().failed_to(what);
    }
    LibvirtConnected identity{.uri = canonical.get(), .driver = driver};
    return std::unique_ptr<VirtConnection>{
        new VirtConnection{std::move(connection), std::move(identity)}};
}

void VirtConnection::learn_abilities()
{
    abilities_ = {.pin_offline_vcpus = !is_test_driver(),
                  .real_affinities = !is_test_driver(),
                  .live_numatune = true,
                  .hotplug_vcpus = !is_test_driver(),
                  .tuning = read_tuning_abilities(connection_.get())};
}

Result<std::unique_ptr<VirtConnection>> VirtConnection::open_deaf(const std::string& uri)
{
    auto opened = open_bare(uri, virConnectOpen);
    if (opened) {
        (*opened)->watch_ = std::make_unique<DefinitionWatch>((*opened)->raw());
        (*opened)->learn_abilities();
    }
    return opened;
}

Result<std::unique_ptr<VirtConnection>> VirtConnection::open_read_only(const std::string& uri)
{
    return open_bare(uri, virConnectOpenReadOnly);
}

Result<std::unique_ptr<VirtConnection>>
VirtConnection::open(const std::string& uri, ConnectionNumber number, VirtEvents& events)
{
    auto opened = open_bare(uri, virConnectOpen);
    if (opened) {
        (*opened)->number_ = number;
        // At once: a loss must not fall in between.
        (*opened)->subscription_.emplace((*opened)->raw(), number, events);
        (*opened)->watch_ = std::make_unique<DefinitionWatch>((*opened)->raw());
        (*opened)->learn_abilities();
    }
    return opened;
}

} // namespace virtpind
