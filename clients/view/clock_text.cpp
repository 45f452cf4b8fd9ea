// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_text.hpp"

#include <array>
#include <ctime>

namespace virtpind::client {

namespace {

std::string formatted(std::uint64_t realtime_usec, const char* pattern)
{
    constexpr std::uint64_t usec_per_second = 1'000'000;
    const auto seconds = static_cast<std::time_t>(realtime_usec / usec_per_second);
    std::tm local{};
    if (localtime_r(&seconds, &local) == nullptr) {
        return "?";
    }
    std::array<char, 64> text{};
    const auto length = std::strftime(text.data(), text.size(), pattern, &local);
    return {text.data(), length};
}

} // namespace

std::string clock_text(std::uint64_t realtime_usec)
{
    return formatted(realtime_usec, "%Y-%m-%d %H:%M:%S");
}

std::string time_of_day(std::uint64_t realtime_usec)
{
    return formatted(realtime_usec, "%H:%M:%S");
}

} // namespace virtpind::client
