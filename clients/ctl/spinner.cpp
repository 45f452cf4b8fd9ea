// SPDX-License-Identifier: LGPL-2.1-or-later
#include "spinner.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <iostream>
#include <string_view>
#include <utility>

namespace virtpind::client {

namespace {

constexpr std::chrono::milliseconds silent_time{2000};
constexpr std::chrono::milliseconds frame_time{120};
constexpr std::array<std::string_view, 8> braille{"⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"};
constexpr std::array<std::string_view, 4> bars{"|", "/", "-", "\\"};

} // namespace

Spinner::Spinner(std::string what, bool utf8) : what_{std::move(what)}, utf8_{utf8}
{
    if (::isatty(STDERR_FILENO) == 1) {
        thread_ = std::thread{[this] { turn(); }};
    }
}

Spinner::~Spinner()
{
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock{mutex_};
        end_ = true;
    }
    ended_.notify_one();
    thread_.join();
}

void Spinner::turn() const
{
    std::unique_lock lock{mutex_};
    const auto ended = [this] { return end_; };
    if (ended_.wait_for(lock, silent_time, ended)) {
        return;
    }
    for (std::size_t frame = 0; !end_; ++frame) {
        std::cerr << '\r'
                  << (utf8_ ? braille.at(frame % braille.size()) : bars.at(frame % bars.size()))
                  << ' ' << what_ << std::flush;
        ended_.wait_for(lock, frame_time, ended);
    }
    std::cerr << "\r\033[K" << std::flush;
}

} // namespace virtpind::client
