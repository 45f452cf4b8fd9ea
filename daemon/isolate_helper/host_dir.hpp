// SPDX-License-Identifier: LGPL-2.1-or-later
// Directories of the kernel's file systems, by descriptor: a name is looked up below one, and never
// leads out of it, whatever it is. The kernel holds that, by openat2(2). Blocking, as the kernel's
// own files are: hardly.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtpind {

// Of one file, held until this is destroyed, or the process ends in whatever way.
class FileLock {
public:
    // Takes the descriptor that was locked.
    explicit FileLock(loop::UniqueFd fd) noexcept : fd_{std::move(fd)} {}

private:
    loop::UniqueFd fd_;
};

class HostDir {
public:
    // `plain`: by openat(2), which may be led astray. For readers without a privilege, from whom
    // systemd takes openat2(2).
    enum class Lookup { beneath, plain };

    // Error: not_found. All errors name the whole path, from what this was opened by.
    [[nodiscard]] static Result<HostDir> open(const char* path, Lookup lookup = Lookup::beneath);
    [[nodiscard]] std::string path_of(const std::string& name) const;

    // `links`: those that stay below this directory are followed, as sysfs needs it; else none is.
    enum class Links { none, below };
    [[nodiscard]] Result<HostDir> open_below(const std::string& name,
                                             Links links = Links::none) const;
    // A text without its last newline. Errors: not_found, limits_exceeded.
    [[nodiscard]] Result<std::string> read(const std::string& name,
                                           Links links = Links::none) const;
    // In one call, as the kernel's files want it. Error: not_found, or apply_failed with errno as
    // native_code.
    [[nodiscard]] Result<void> write(const std::string& name, std::string_view text) const;
    // The last part of where a link leads; empty: it is none.
    [[nodiscard]] std::string link_name(const std::string& name) const;

    // Names of the directories in it (`links`: and of links), at most `count_max`, sorted. Error:
    // limits_exceeded, not_found.
    [[nodiscard]] Result<std::vector<std::string>> folders(std::size_t count_max,
                                                           Links links = Links::none) const;
    // Error: apply_failed. One that is there already is made, one that is not there is removed.
    [[nodiscard]] Result<void> make(const std::string& name) const;
    [[nodiscard]] Result<void> remove(const std::string& name) const;

    // Whether the kernel's cgroup v2 is here.
    [[nodiscard]] bool is_cgroup2() const;
    // Waits until nobody else holds the lock of the file `name`, which is opened for writing, and
    // never written: who may not write to it cannot hold it. Errors: timed_out, when `patience` has
    // passed; not_found or apply_failed with errno as native_code.
    [[nodiscard]] Result<FileLock> lock(const std::string& name,
                                        std::chrono::milliseconds patience) const;

private:
    HostDir(loop::UniqueFd fd, std::string path, Lookup lookup) noexcept
        : fd_{std::move(fd)}, path_{std::move(path)}, lookup_{lookup}
    {}

    [[nodiscard]] loop::UniqueFd open_at(const std::string& name, int flags, Links links) const;
    [[nodiscard]] Error file_error(Errc code, const std::string& doing,
                                   const std::string& name) const;

    loop::UniqueFd fd_;
    std::string path_; // as it was opened
    Lookup lookup_ = Lookup::beneath;
};

} // namespace virtpind
