// SPDX-License-Identifier: LGPL-2.1-or-later
// The boundary between this code and sdbus-c++. Every handler runs inside guarded(): sdbus-c++ 1.2
// lets any exception except sdbus::Error unwind through libsystemd's C code, which ends the
// process.
#pragma once

#include "common/base/result.hpp"
#include "dbus/errors.hpp"
#include "dbus/sdbus_compat.hpp"

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace virtpind::bus {

[[nodiscard]] sdbus::Error to_bus_error(const Error& error);

// The value; an error is thrown as sdbus::Error, which guarded() passes on.
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

// What a caller hears of an exception that no handler expects.
[[nodiscard]] sdbus::Error unexpected(const char* what);

// A synchronous handler: only sdbus::Error leaves it.
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

// A callback without a caller to answer: no exception leaves it. It loses either a reply on a lost
// bus, which ends the loop by itself, or a broken invariant of the daemon, whose next pass starts
// afresh.
template <class Body>
void contained(Body&& body) noexcept
{
    try {
        std::forward<Body>(body)();
    } catch (...) { // NOLINT(bugprone-empty-catch): see above
    }
}

} // namespace virtpind::bus
