// SPDX-License-Identifier: LGPL-2.1-or-later
// What is logged while it lives: the text of each message in a line of its own.
#pragma once

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace virtpind::test {

class CapturedLog {
public:
    explicit CapturedLog(spdlog::level::level_enum least = spdlog::level::info)
    {
        auto logger = std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
        logger->set_pattern("%v");
        logger->set_level(least);
        spdlog::set_default_logger(std::move(logger));
    }

    ~CapturedLog() { spdlog::set_default_logger(usual_); }

    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    // All since the last call.
    [[nodiscard]] std::string take() { return std::exchange(text_, std::ostringstream{}).str(); }

    [[nodiscard]] bool has(std::string_view words) const
    {
        return text_.str().find(words) != std::string::npos;
    }

private:
    std::shared_ptr<spdlog::logger> usual_ = spdlog::default_logger();
    std::ostringstream text_;
};

} // namespace virtpind::test
