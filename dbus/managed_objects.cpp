// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/managed_objects.hpp"

#include "dbus/boundary.hpp"
#include "dbus/names.hpp"

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace virtpind::bus {

namespace {

std::shared_ptr<sd_bus_message> keep(sd_bus_message* message)
{
    return {sd_bus_message_ref(message), sd_bus_message_unref};
}

// Any other is refused by it at once, however large; this one is small, and may be kept.
bool is_as_libsystemd_expects(sd_bus_message* message)
{
    const auto* path = sd_bus_message_get_path(message);
    const auto* signature = sd_bus_message_get_signature(message, 1);
    return path != nullptr && std::string_view{path} == manager_path &&
           (signature == nullptr || *signature == '\0');
}

void refuse(sd_bus_message* message, const Error& why)
{
    const std::string name{error_name(why.code)};
    const sd_bus_error error{name.c_str(), why.message.c_str(), 0};
    sd_bus_reply_method_error(message, &error);
}

} // namespace

ManagedObjectsInTurn::ManagedObjectsInTurn(sdbus::IConnection& connection, Turns& turns)
    : connection_{connection}, turns_{turns}
{
    sd_bus_slot* slot = nullptr;
    if (const int r = sd_bus_add_filter(raw_bus(connection), &slot, on_message, this); r < 0) {
        throw sdbus::createError(-r, "cannot filter messages");
    }
    filter_.reset(slot);
}

int ManagedObjectsInTurn::on_message(sd_bus_message* message, void* self,
                                     sd_bus_error* /*error*/) noexcept
{
    if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.ObjectManager",
                                      "GetManagedObjects") <= 0) {
        return 0;
    }
    try {
        return static_cast<ManagedObjectsInTurn*>(self)->wait_for_turn(message);
    } catch (const std::exception&) {
        return -ENOMEM;
    }
}

// 0: libsystemd is to answer it; 1: it waits.
int ManagedObjectsInTurn::wait_for_turn(sd_bus_message* message)
{
    if (message == let_in_) {
        let_in_ = nullptr;
        return 0;
    }
    const auto* sender = sd_bus_message_get_sender(message);
    if (sender == nullptr || !is_as_libsystemd_expects(message)) {
        return 0;
    }
    const auto added = turns_.add(
        sender, {.give = [this, kept = keep(message)] { let_in(kept.get()); }, .drop = [] {}});
    if (!added) {
        refuse(message, added.error());
    }
    return 1;
}

// What was read while somebody waited for an answer of the bus may be before it.
void ManagedObjectsInTurn::let_in(sd_bus_message* message)
{
    let_in_ = message;
    if (const int r = sd_bus_enqueue_for_read(sd_bus_message_get_bus(message), message); r < 0) {
        refuse(message, {.code = Errc::internal, .message = "the call cannot be read again"});
        let_in_ = nullptr;
    }
    contained([this] { // what fails here is the bus; the loop finds that itself
        while (let_in_ != nullptr && process_one(connection_)) {
        }
    });
    let_in_ = nullptr;
}

} // namespace virtpind::bus
