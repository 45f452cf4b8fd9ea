// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection.hpp"

#include "call_errors.hpp"
#include "dbus/sdbus_compat.hpp"

#include <poll.h>

#include <array>
#include <cerrno>

namespace virtpind::client {

namespace {

// libsystemd escapes what it makes of an address, but not what others write into one.
std::string machine_address(const std::string& machine)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string address = "x-machine-unix:machine=";
    for (const auto c : machine) {
        const auto byte = static_cast<unsigned char>(c);
        address += '%';
        address += digits[byte >> 4U];
        address += digits[byte & 0xFU];
    }
    return address;
}

std::unique_ptr<sdbus::IConnection> open(const Target& target)
{
    switch (target.kind) {
    case Target::Kind::session:
        return sdbus::createSessionBusConnection();
    case Target::Kind::host:
        return sdbus::createRemoteSystemBusConnection(target.name);
    case Target::Kind::machine:
        return sdbus::createSessionBusConnectionWithAddress(machine_address(target.name));
    case Target::Kind::system:
        break;
    }
    return sdbus::createSystemBusConnection();
}

} // namespace

Connection::Connection(std::unique_ptr<sdbus::IConnection> bus) : bus_{std::move(bus)} {}

Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

Result<Connection> connect(const Target& target, bool may_ask)
{
    try {
        auto connection = open(target);
        constexpr std::uint64_t usec_per_second = 1'000'000;
        connection->setMethodCallTimeout(call_timeout_seconds * usec_per_second);
        sd_bus_set_allow_interactive_authorization(bus::raw_bus(*connection), may_ask ? 1 : 0);
        return Connection{std::move(connection)};
    } catch (const sdbus::Error& error) {
        return unreachable(error.getMessage(), target);
    }
}

Result<void> wait_and_dispatch(const Connection& connection, int timeout_ms)
{
    try {
        auto& driver = connection.bus();
        if (bus::process_one(driver)) {
            while (bus::process_one(driver)) {
            }
            return {};
        }
        const auto state = bus::poll_state(driver);
        std::array<pollfd, 2> fds{
            {{state.fd, static_cast<short>(state.events), 0}, {state.wake_fd, POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), timeout_ms) < 0 && errno != EINTR) {
            return Error{.code = Errc::internal, .message = "cannot wait for the bus"};
        }
        while (bus::process_one(driver)) {
        }
        return {};
    } catch (const sdbus::Error& error) {
        return Error{.code = Errc::host_unavailable,
                     .message = "the bus is gone: " + error.getMessage()};
    }
}

} // namespace virtpind::client
