// SPDX-License-Identifier: LGPL-2.1-or-later
// The way to a service: a message bus of this host, of another one, or of a container.
#pragma once

#include "common/base/result.hpp"
#include "target.hpp"

#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtpind::client {

// A connection to a bus. One thread uses it.
class Connection {
public:
    explicit Connection(std::unique_ptr<sdbus::IConnection> bus);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] sdbus::IConnection& bus() const { return *bus_; }

private:
    std::unique_ptr<sdbus::IConnection> bus_;
};

// Connects; `may_ask` allows services to ask for a password. A dead host shows with
// the first call. Error: host_unavailable.
[[nodiscard]] Result<Connection> connect(const Target& target, bool may_ask);

// Waits until a message has arrived, and dispatches all that are there. Error: host_unavailable,
// the bus is gone.
[[nodiscard]] Result<void> wait_and_dispatch(const Connection& connection, int timeout_ms);

} // namespace virtpind::client
