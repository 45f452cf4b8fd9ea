// SPDX-License-Identifier: LGPL-2.1-or-later
// Asynchronous calls that wait for their answer. The object that was called owns them, because they
// must not outlive it: libsystemd checks a reply against the method table of the object when it is
// sent, and a call refers to its connection. The daemon holds only an Answer, which may come later
// than the end of the object and is dropped then.
#pragma once

#include "common/result.hpp"
#include "dbus/boundary.hpp"
#include "dbus/sdbus_compat.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace virtpind::bus {

// UUID, name, policy, PinState, object: one row of ListDomains.
using DomainRow =
    sdbus::Struct<std::string, std::string, std::string, std::string, sdbus::ObjectPath>;

class OpenCall {
public:
    template <class... Out>
    explicit OpenCall(sdbus::Result<Out...>&& result) : result_{std::move(result)}
    {}

    [[nodiscard]] bool answered() const { return std::holds_alternative<Answered>(result_); }

    // Both send once; what comes after that is dropped.
    template <class... Out>
    void succeed(const Out&... values) noexcept
    {
        contained([&] {
            if (const auto* result = std::get_if<sdbus::Result<Out...>>(&result_)) {
                result->returnResults(values...);
            }
        });
        close();
    }

    void fail(const sdbus::Error& error) noexcept
    {
        contained([&] {
            std::visit(
                [&error](const auto& result) {
                    if constexpr (!std::is_same_v<std::decay_t<decltype(result)>, Answered>) {
                        result.returnError(error);
                    }
                },
                result_);
        });
        close();
    }

private:
    using Answered = std::monostate;

    void close() noexcept
    {
        contained([this] { result_ = Answered{}; });
    }

    std::variant<Answered, sdbus::Result<>, sdbus::Result<std::uint64_t>,
                 sdbus::Result<std::string>, sdbus::Result<std::vector<DomainRow>>>
        result_;
};

// Answers one call; copies answer the same one.
template <class T>
class Answer {
public:
    explicit Answer(std::weak_ptr<OpenCall> call) : call_{std::move(call)} {}

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
            call->succeed(*outcome);
        }
    }

    void fail(const sdbus::Error& error) const noexcept
    {
        if (const auto call = call_.lock()) {
            call->fail(error);
        }
    }

private:
    std::weak_ptr<OpenCall> call_;
};

// The open calls of one object.
class OpenCalls {
public:
    [[nodiscard]] Answer<std::uint64_t> add(sdbus::Result<std::uint64_t>&& result)
    {
        return Answer<std::uint64_t>{keep(std::move(result))};
    }

    [[nodiscard]] Answer<std::string> add(sdbus::Result<std::string>&& result)
    {
        return Answer<std::string>{keep(std::move(result))};
    }

    [[nodiscard]] Answer<std::vector<DomainRow>> add(sdbus::Result<std::vector<DomainRow>>&& result)
    {
        return Answer<std::vector<DomainRow>>{keep(std::move(result))};
    }

    [[nodiscard]] Answer<void> add(sdbus::Result<>&& result)
    {
        return Answer<void>{keep(std::move(result))};
    }

    // Answers all that are left. To be called while the object is still registered.
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
    template <class WireResult>
    std::weak_ptr<OpenCall> keep(WireResult&& result)
    {
        calls_.erase(std::remove_if(calls_.begin(), calls_.end(),
                                    [](const auto& call) { return call->answered(); }),
                     calls_.end());
        return calls_.emplace_back(std::make_shared<OpenCall>(std::forward<WireResult>(result)));
    }

    std::vector<std::shared_ptr<OpenCall>> calls_;
};

// An asynchronous handler, or the continuation of one: what it throws becomes the answer.
template <class T, class Body>
void guarded(const Answer<T>& answer, Body&& body) noexcept
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
