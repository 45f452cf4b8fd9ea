// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines for the log, with fmt's patterns, which the compiler checks. The formatting and spdlog are
// in one source: as templates they would be compiled again in every source that logs.
// daemon/service/log.hpp sets up where lines go.
#pragma once

#include <fmt/core.h>

namespace virtpind {

enum class LogLevel { debug, info, warning, critical };

// Any thread may call this and the functions below. A line below the level in effect is not
// formatted.
void log_line(LogLevel level, fmt::string_view pattern, fmt::format_args arguments);

template <class... Arguments>
void log_debug(fmt::format_string<Arguments...> pattern, Arguments&&... arguments)
{
    log_line(LogLevel::debug, pattern, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void log_info(fmt::format_string<Arguments...> pattern, Arguments&&... arguments)
{
    log_line(LogLevel::info, pattern, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void log_warning(fmt::format_string<Arguments...> pattern, Arguments&&... arguments)
{
    log_line(LogLevel::warning, pattern, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void log_critical(fmt::format_string<Arguments...> pattern, Arguments&&... arguments)
{
    log_line(LogLevel::critical, pattern, fmt::make_format_args(arguments...));
}

} // namespace virtpind
