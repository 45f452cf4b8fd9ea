// SPDX-License-Identifier: LGPL-2.1-or-later
// The border between our code and sdbus-c++. Every handler body runs inside guarded(): sdbus-c++
// 1.2 lets any exception but sdbus::Error unwind through libsystemd's C code, which ends the
// process.
#pragma once

#include "common/result.hpp"
#include "dbus/errors.hpp"
#include "dbus/sdbus_compat.hpp"

#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace virtpind::bus {

[[nodiscard]] inline sdbus::Error to_bus_error(const Error& error)
{
    return {ErrorName{std::string{error_name(error.code)}}, error.message};
}

// The value, or its error thrown as what guarded() lets pass.
template <class T>
T unwrap(Result<T> result)
{
    if (!result) {
        throw to_bus_error(result.error());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

[[nodiscard]] inline sdbus::Error unexpected(const char* what)
{
    return to_bus_error({.code = Errc::internal,
                         .message = std::string{"internal error, please report it: "} + what});
}

// A synchronous handler: nothing but sdbus::Error leaves it.
template <class Body>
std::invoke_result_t<Body> guarded(Body&& body)
{
    try {
        return std::forward<Body>(body)();
    } catch (const sdbus::Error&) {
        throw;
    } catch (const std::exception& e) {
        throw unexpected(e.what());
    }
}

// A callback that has nobody to answer to: nothing leaves it. What is lost is a reply on a lost
// bus, which ends the loop by itself, or a broken invariant of the daemon, whose next pass starts
// afresh.
template <class Body>
void contained(Body&& body) noexcept
{
    try {
        std::forward<Body>(body)();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): see above
    }
}

// Answers one asynchronous call; copies answer the same call. Keeps the connection alive, because
// an sdbus::Result must not outlive it and whoever holds the answer may outlive the Service.
template <class T>
class Answer {
    using WireResult = std::conditional_t<std::is_void_v<T>, sdbus::Result<>, sdbus::Result<T>>;

public:
    Answer(std::shared_ptr<sdbus::IConnection> connection, WireResult&& result)
        : call_{std::make_shared<Call>(Call{std::move(connection), std::move(result)})}
    {}

    void operator()(const Result<T>& outcome) const noexcept
    {
        if (!outcome) {
            return fail(to_bus_error(outcome.error()));
        }
        contained([&] {
            if constexpr (std::is_void_v<T>) {
                call_->result.returnResults();
            } else {
                call_->result.returnResults(*outcome);
            }
        });
    }

    void fail(const sdbus::Error& error) const noexcept
    {
        contained([&] { call_->result.returnError(error); });
    }

private:
    // The result is destroyed first.
    struct Call {
        std::shared_ptr<sdbus::IConnection> connection;
        WireResult result;
    };

    std::shared_ptr<Call> call_;
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
        answer.fail(unexpected(e.what()));
    }
}

} // namespace virtpind::bus
