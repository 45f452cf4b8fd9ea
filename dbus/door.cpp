// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/door.hpp"

#include "dbus/boundary.hpp"
#include "dbus/call_limits.hpp"
#include "dbus/names.hpp"

#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

namespace virtpind::bus {

namespace {

constexpr int not_ours = 0; // what a filter says: others may look at it
constexpr int taken = 1;

// Of every message there is something besides its arguments.
constexpr std::size_t head_bytes = 512;

void require(int r, const char* what)
{
    if (r < 0) {
        throw sdbus::createError(-r, what);
    }
}

// A signal that nobody sends: the door knows it by its address.
MessagePtr make_nothing(sd_bus* bus)
{
    sd_bus_message* made = nullptr;
    require(sd_bus_message_new_signal(bus, &made, manager_path, driver_name, "Nothing"),
            "failed to create a message");
    MessagePtr nothing{made};
    require(sd_bus_message_seal(nothing.get(), 1, 0), "failed to seal a message");
    return nothing;
}

bool is_from_the_bus(sd_bus_message* message)
{
    const auto* sender = sd_bus_message_get_sender(message);
    return sender != nullptr && std::string_view{sender} == driver_name;
}

bool is_at_our_objects(sd_bus_message* message)
{
    const auto* path = sd_bus_message_get_path(message);
    return path != nullptr && std::string_view{path}.rfind(manager_path, 0) == 0;
}

void refuse(sd_bus_message* message, const Error& why)
{
    ReturnAddress{message}.fail(sd_bus_message_get_bus(message), to_bus_error(why));
}

} // namespace

Door::Door(sdbus::IConnection& connection, FairQueue& turns, bool (*own_share)(uid_t))
    : connection_{connection}
    , bus_{raw_bus(connection)}
    , turns_{turns}
    , slots_{own_share}
    , users_{bus_}
    , nothing_{make_nothing(bus_)}
{
    sd_bus_slot* slot = nullptr;
    require(sd_bus_add_filter(bus_, &slot, on_message, this), "failed to filter messages");
    filter_.reset(slot);
}

int Door::on_message(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept
{
    try {
        return static_cast<Door*>(self)->receive(message);
    } catch (const std::exception&) {
        return -ENOMEM; // libsystemd makes it the answer
    }
}

bool Door::is_unwanted(const RawHead& head) const noexcept
{
    if (head.is_signal) {
        return head.sender != driver_name;
    }
    if (!head.is_call || head.expects_answer) {
        return false;
    }
    bool unwanted = true;
    contained([&] {
        const std::string sender{head.sender};
        unwanted = !changes_something(head.interface, head.member) ||
                   slots_.is_full_of_unheard(users_.find(sender), sender);
    });
    return unwanted;
}

int Door::receive(sd_bus_message* message)
{
    if (message == nothing_.get()) {
        nothing_waits_ = false;
        return taken;
    }
    std::uint8_t type = 0;
    if (sd_bus_message_get_type(message, &type) < 0) {
        return taken;
    }
    switch (type) {
    case SD_BUS_MESSAGE_METHOD_CALL:
        return receive_call(message);
    case SD_BUS_MESSAGE_SIGNAL: // the only ones that we listen to
        return is_from_the_bus(message) ? not_ours : taken;
    default: // an answer that nobody waits for: one that is waited for does not come by here
        return taken;
    }
}

int Door::receive_call(sd_bus_message* message)
{
    if (message == let_in_) {
        let_in_ = nullptr;
        return not_ours;
    }
    const auto* sender = sd_bus_message_get_sender(message);
    if (sender == nullptr) {
        return taken; // on a bus there is no such call
    }
    const auto* const method = find_method(message);
    const auto expects_answer = sd_bus_message_get_expect_reply(message) > 0;
    if (!expects_answer && (method == nullptr || method->access == Access::open)) {
        return taken; // nobody would learn what it says
    }
    if (method == nullptr || !is_at_our_objects(message)) {
        return not_ours; // libsystemd says what is wrong with it, at once
    }
    const auto bytes = check_arguments(message, *method);
    if (!bytes) {
        refuse(message, bytes.error());
        return taken;
    }
    identify({.message = {sd_bus_message_ref(message), sd_bus_message_unref},
              .call = {.user = std::nullopt,
                       .sender = sender,
                       .bytes = *bytes + head_bytes,
                       .expects_answer = expects_answer}});
    return taken;
}

// Calls of one connection stay in their order: the first makes us ask, and others wait with it.
void Door::identify(Arrival arrival)
{
    const auto sender = arrival.call.sender;
    if (const auto user = users_.find(sender)) {
        return queue(std::move(arrival), *user);
    }
    auto place = slots_.take(arrival.call);
    if (!place) {
        return refuse(arrival.message.get(), place.error());
    }
    const auto is_first = !unidentified_.contains(sender);
    unidentified_[sender].arrivals.emplace_back(std::move(arrival), std::move(*place));
    if (is_first) {
        users_.ask(sender,
                   [this, sender](auto user) { contained([&] { on_user(sender, user); }); });
    }
}

void Door::on_user(const std::string& sender, std::optional<uid_t> user)
{
    auto waiting = unidentified_.extract(sender);
    if (!waiting) {
        return;
    }
    for (auto& [arrival, place] : waiting.mapped().arrivals) {
        place.reset(); // for one with the user
        if (user) {
            queue(std::move(arrival), *user);
        } else {
            refuse(arrival.message.get(),
                   {.code = Errc::permission_denied,
                    .message = "the bus does not know the user of this connection; connect again"});
        }
    }
}

void Door::queue(Arrival arrival, uid_t user)
{
    arrival.call.user = user;
    auto place = slots_.take(arrival.call);
    if (!place) {
        return refuse(arrival.message.get(), place.error());
    }
    turns_.add({.user = user, .name = arrival.call.sender},
               [this, user, message = std::move(arrival.message), place = std::move(*place)] {
                   let_in(message.get(), {.user = user, .place = place});
               });
}

// What was read while somebody waited for an answer of the bus may be before it.
void Door::let_in(sd_bus_message* message, Inside inside)
{
    inside_ = std::move(inside);
    let_in_ = message;
    contained([this, message] { // what fails here is the bus; the loop finds that itself
        enqueue(message);
        while (let_in_ != nullptr && process_one(connection_)) {
        }
    });
    let_in_ = nullptr;
    inside_ = {};
}

void Door::enqueue(sd_bus_message* message)
{
    require(sd_bus_enqueue_for_read(bus_, message), "failed to queue a message for reading");
}

// As long as there is something that was read already, libsystemd does not go on to the socket.
void Door::process_without_reading()
{
    if (!nothing_waits_) {
        enqueue(nothing_.get());
        nothing_waits_ = true;
    }
    while (nothing_waits_ && process_one(connection_)) {
    }
}

void Door::on_caller_vanished(const std::string& name)
{
    unidentified_.erase(name);
    users_.forget(name);
    turns_.forget(name);
}

} // namespace virtpind::bus
