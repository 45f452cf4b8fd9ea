// SPDX-License-Identifier: LGPL-2.1-or-later
// An owned file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace virtpind::loop {

class UniqueFd {
public:
    UniqueFd() = default;

    explicit UniqueFd(int fd) noexcept : fd_{fd} {}

    UniqueFd(UniqueFd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    UniqueFd& operator=(UniqueFd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    ~UniqueFd()
    {
        if (fd_ >= 0) {
            // Linux closes the descriptor even when close() reports EINTR: never retry.
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    // Somebody else closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

} // namespace virtpind::loop
