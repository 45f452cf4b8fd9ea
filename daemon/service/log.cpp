// SPDX-License-Identifier: LGPL-2.1-or-later
#include "log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace virtpind {

namespace {

// "<4>" and so on, at the start of the line.
class PriorityFlag final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
                spdlog::memory_buf_t& out) override
    {
        const auto prefix = "<" + std::to_string(syslog_priority(message.level)) + ">";
        out.append(prefix.data(), prefix.data() + prefix.size());
    }

    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override
    {
        return spdlog::details::make_unique<PriorityFlag>();
    }
};

} // namespace

int syslog_priority(spdlog::level::level_enum level)
{
    switch (level) {
    case spdlog::level::critical:
        return LOG_CRIT;
    case spdlog::level::err:
        return LOG_ERR;
    case spdlog::level::warn:
        return LOG_WARNING;
    case spdlog::level::info:
        return LOG_INFO;
    default:
        return LOG_DEBUG;
    }
}

bool stderr_is_journal()
{
    // systemd says which device and inode the stream to the journal has; stderr may since have been
    // redirected.
    const auto* stream = std::getenv("JOURNAL_STREAM");

    struct stat seen {};

    return stream != nullptr && fstat(STDERR_FILENO, &seen) == 0 &&
           stream == std::to_string(seen.st_dev) + ":" + std::to_string(seen.st_ino);
}

void set_up_log(spdlog::level::level_enum level)
{
    auto logger = spdlog::stderr_logger_mt("virtpind");
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (stderr_is_journal()) {
        formatter->add_flag<PriorityFlag>('*').set_pattern("%*%v");
    } else {
        formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    }
    logger->set_formatter(std::move(formatter));
    logger->set_level(level);
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace virtpind
