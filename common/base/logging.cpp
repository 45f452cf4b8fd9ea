// SPDX-License-Identifier: LGPL-2.1-or-later
#include "logging.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace virtpind {

namespace {

spdlog::level::level_enum spdlog_level(LogLevel level)
{
    switch (level) {
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::critical:
        break;
    }
    return spdlog::level::critical;
}

} // namespace

void log_line(LogLevel level, fmt::string_view pattern, fmt::format_args arguments)
{
    const auto wanted = spdlog_level(level);
    if (!spdlog::should_log(wanted)) {
        return;
    }
    auto* const logger = spdlog::default_logger_raw();
    try {
        logger->log(wanted, spdlog::string_view_t{fmt::vformat(pattern, arguments)});
    } catch (const std::exception&) {
        logger->log(wanted, pattern); // rather than nothing
    }
}

} // namespace virtpind
