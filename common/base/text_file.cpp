// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text_file.hpp"

#include "messages.hpp"
#include "unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace virtpind {

namespace {

// A pipe on the disk might never say anything; one that was handed over (/dev/stdin, /dev/fd/3) is
// meant to be waited for.
Result<void> wait_only_for_devices(int fd, const std::filesystem::path& path)
{
    struct stat file {};

    if (::fstat(fd, &file) != 0 || S_ISREG(file.st_mode) || S_ISDIR(file.st_mode)) {
        return {}; // reading it tells
    }
    if (!path.native().starts_with("/dev/") || ::fcntl(fd, F_SETFL, 0) != 0) {
        return Error{.code = Errc::invalid_argument,
                     .message = "file " + path_in_quotes(path.native()) + " is not a regular file"};
    }
    return {};
}

Error unreadable(const std::string& file, int error)
{
    return Error{.code = Errc::not_found,
                 .message = "failed to read " + file + ": " + std::strerror(error)};
}

} // namespace

Result<std::string> read_text(int fd, const std::string& file, std::size_t bytes_max)
{
    std::string text;
    std::array<char, 16384> chunk{};
    while (true) {
        const auto got = ::read(fd, chunk.data(), chunk.size());
        if (got == 0) {
            return text;
        }
        if (got < 0 && errno != EINTR) {
            return unreadable(file, errno);
        }
        text.append(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (text.size() > bytes_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message =
                             file + " has more than " + std::to_string(bytes_max) + " bytes"};
        }
    }
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t bytes_max)
{
    const auto file = "file " + path_in_quotes(path.native());
    const loop::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        return unreadable(file, errno);
    }
    if (auto ready = wait_only_for_devices(fd.get(), path); !ready) {
        return std::move(ready).error();
    }
    return read_text(fd.get(), file, bytes_max);
}

std::string read_boot_id()
{
    auto text = read_text_file("/proc/sys/kernel/random/boot_id", 64);
    auto id = text ? std::move(*text) : std::string{};
    while (!id.empty() && id.back() == '\n') {
        id.pop_back();
    }
    return id;
}

} // namespace virtpind
