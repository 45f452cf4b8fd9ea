// SPDX-License-Identifier: LGPL-2.1-or-later
// Asynchronous calls that wait for their reply: the return address of each and its slot, without
// the message. The called object owns them, so that they are answered when it ends. The daemon
// holds only a PendingReply, which may outlive the object; a later reply is dropped.
#pragma once

#include "common/base/result.hpp"
#include "dbus/boundary.hpp"
#include "dbus/call_slots.hpp"
#include "dbus/return_address.hpp"
#include "dbus/sdbus_compat.hpp"
#include "dbus/valid.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace virtpind::bus {

// UUID, name, policy, PinState, object: one row of ListDomains.
using DomainRow =
    sdbus::Struct<std::string, std::string, std::string, std::string, sdbus::ObjectPath>;

// Object, UUID, name, run state, policy, pin state, satisfied, placement: one row of List.
using ListRow = sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string,
                              std::string, bool, std::string>;

// Level, code, sentence: one reason of Why.
using ReasonRow = sdbus::Struct<std::string, std::string, std::string>;

// The types of values in replies.
int append(sd_bus_message* answer, std::uint64_t number);
int append(sd_bus_message* answer, const std::string& text);
int append(sd_bus_message* answer, const std::vector<DomainRow>& rows);
int append(sd_bus_message* answer, const std::vector<ListRow>& rows);
int append(sd_bus_message* answer, const std::vector<ReasonRow>& rows);

class PendingCall {
public:
    PendingCall(sd_bus* bus, ReturnAddress address, CallSlots::Place place)
        : bus_{bus}, address_{std::move(address)}, place_{std::move(place)}
    {}

    [[nodiscard]] bool answered() const { return bus_ == nullptr; }

    // Both send once; later calls do nothing.
    template <class... Value>
    void succeed(const Value&... value) noexcept
    {
        if (auto* const bus = close(); bus != nullptr) {
            address_.succeed(bus, [&]([[maybe_unused]] sd_bus_message* answer) {
                int r = 0;
                ((r = r < 0 ? r : append(answer, value)), ...);
                return r;
            });
        }
    }

    void fail(const sdbus::Error& error) noexcept
    {
        if (auto* const bus = close(); bus != nullptr) {
            address_.fail(bus, error);
        }
    }

private:
    // The bus, the first time.
    sd_bus* close() noexcept
    {
        place_.reset();
        return std::exchange(bus_, nullptr);
    }

    sd_bus* bus_; // null: answered
    ReturnAddress address_;
    CallSlots::Place place_;
};

// Answers one call; copies answer the same one.
template <class T>
class PendingReply {
public:
    explicit PendingReply(std::weak_ptr<PendingCall> call) : call_{std::move(call)} {}

    void operator()(const Result<T>& outcome) const noexcept
    {
        const auto call = call_.lock();
        if (!call) {
            return;
        }
        if (!outcome) {
            call->fail(to_bus_error(outcome.error()));
        } else if constexpr (std::is_void_v<T>) {
            call->succeed();
        } else {
            call->succeed(valid(*outcome));
        }
    }

    void fail(const sdbus::Error& error) const noexcept
    {
        if (const auto call = call_.lock()) {
            call->fail(error);
        }
    }

private:
    std::weak_ptr<PendingCall> call_;
};

// The pending calls of one object.
class PendingCalls {
public:
    // The bus must outlive this.
    explicit PendingCalls(sd_bus* bus) : bus_{bus} {}

    // For the call whose handler runs on `object`; the handler's own result only tells the type of
    // the reply.
    [[nodiscard]] PendingReply<void> add(const sdbus::Result<>& /*result*/,
                                         const sdbus::IObject& object, CallSlots::Place place)
    {
        return PendingReply<void>{keep(object, std::move(place))};
    }

    template <class T>
    [[nodiscard]] PendingReply<T> add(const sdbus::Result<T>& /*result*/,
                                      const sdbus::IObject& object, CallSlots::Place place)
    {
        return PendingReply<T>{keep(object, std::move(place))};
    }

    // Answers all remaining calls.
    void end() noexcept
    {
        contained([this] {
            const sdbus::Error unknown{
                ErrorName{"org.freedesktop.DBus.Error.NoReply"},
                "the domain vanished or the service stopped before the outcome was known"};
            for (const auto& call : calls_) {
                call->fail(unknown);
            }
        });
        calls_.clear();
    }

private:
    std::weak_ptr<PendingCall> keep(const sdbus::IObject& object, CallSlots::Place place)
    {
        calls_.erase(std::remove_if(calls_.begin(), calls_.end(),
                                    [](const auto& call) { return call->answered(); }),
                     calls_.end());
        auto address = of_current_message(object, [](const sdbus::Message& message) {
            return ReturnAddress{raw_message(message)};
        });
        return calls_.emplace_back(
            std::make_shared<PendingCall>(bus_, std::move(address), std::move(place)));
    }

    sd_bus* bus_;
    std::vector<std::shared_ptr<PendingCall>> calls_;
};

// An asynchronous handler, or its continuation: an exception becomes the reply.
template <class T, class Body>
void guarded(const PendingReply<T>& answer, Body&& body) noexcept
{
    try {
        std::forward<Body>(body)();
    } catch (const sdbus::Error& e) {
        answer.fail(e);
    } catch (const std::exception& e) {
        contained([&] { answer.fail(unexpected(e.what())); });
    } catch (...) {
        contained([&] { answer.fail(unexpected("an exception of unknown type")); });
    }
}

} // namespace virtpind::bus
