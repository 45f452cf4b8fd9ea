// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/return_address.hpp"

#include "dbus/boundary.hpp"

#include <utility>

namespace virtpind::bus {

namespace {

// Takes over what a function of libsystemd made; nothing when it failed.
template <class Make>
MessagePtr made(Make make)
{
    sd_bus_message* message = nullptr;
    return make(&message) < 0 ? nullptr : MessagePtr{message};
}

bool send_error(sd_bus* bus, sd_bus_message* call, const char* name, const char* text)
{
    const sd_bus_error error{name, text, 0};
    const auto answer = made([&](sd_bus_message** message) {
        return sd_bus_message_new_method_error(call, message, &error);
    });
    return answer && sd_bus_send(bus, answer.get(), nullptr) >= 0;
}

} // namespace

ReturnAddress::ReturnAddress(sd_bus_message* call)
{
    const auto* sender = sd_bus_message_get_sender(call);
    sender_ = sender != nullptr ? sender : "";
    wanted_ =
        sd_bus_message_get_expect_reply(call) > 0 && sd_bus_message_get_cookie(call, &number_) >= 0;
}

// libsystemd makes an answer only from a call: of this one it looks at nothing but who called, and
// with which number.
MessagePtr ReturnAddress::call_again(sd_bus* bus) const
{
    auto call = made([&](sd_bus_message** message) {
        return sd_bus_message_new_method_call(bus, message, nullptr, "/", nullptr, "Answer");
    });
    if (!call || (!sender_.empty() && sd_bus_message_set_sender(call.get(), sender_.c_str()) < 0) ||
        sd_bus_message_seal(call.get(), number_, 0) < 0) {
        return nullptr;
    }
    return call;
}

void ReturnAddress::succeed(sd_bus* bus, const Append& append) const noexcept
{
    contained([&] {
        const auto call = wanted_ ? call_again(bus) : nullptr;
        if (!call) {
            return;
        }
        const auto answer = made([&](sd_bus_message** message) {
            return sd_bus_message_new_method_return(call.get(), message);
        });
        if (answer && append(answer.get()) >= 0) {
            sd_bus_send(bus, answer.get(), nullptr);
            return;
        }
        fail(bus, unexpected("failed to send the reply over D-Bus"));
    });
}

void ReturnAddress::fail(sd_bus* bus, const sdbus::Error& error) const noexcept
{
    contained([&] {
        const auto call = wanted_ ? call_again(bus) : nullptr;
        if (call &&
            !send_error(bus, call.get(), error.getName().c_str(), error.getMessage().c_str())) {
            send_error(bus, call.get(), error.getName().c_str(),
                       "the text of the error is not UTF-8");
        }
    });
}

} // namespace virtpind::bus
