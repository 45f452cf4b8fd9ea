// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds lock_pause{10};

Error error_of(Errc code, const std::string& doing, const std::string& path, int number)
{
    return {.code = code,
            .message = "failed to " + doing + " '" + path + "': " + std::strerror(number),
            .native_code = number};
}

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

} // namespace

// glibc has no function for it.
loop::UniqueFd HostDir::open_at(const std::string& name, int flags, Links links) const
{
    if (lookup_ == Lookup::plain) {
        return loop::UniqueFd{::openat(fd_.get(), name.c_str(), flags | O_CLOEXEC)};
    }
    open_how how{};
    how.flags = static_cast<__u64>(static_cast<unsigned>(flags) | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (links == Links::none) {
        how.resolve |= RESOLVE_NO_SYMLINKS;
    }
    return loop::UniqueFd{
        static_cast<int>(::syscall(SYS_openat2, fd_.get(), name.c_str(), &how, sizeof how))};
}

Result<HostDir> HostDir::open(const char* path, Lookup lookup)
{
    loop::UniqueFd fd{::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        return error_of(Errc::not_found, "open", path, errno);
    }
    return HostDir{std::move(fd), path, lookup};
}

std::string HostDir::path_of(const std::string& name) const
{
    return path_.ends_with('/') ? path_ + name : path_ + "/" + name;
}

// Of the call that has just failed.
Error HostDir::file_error(Errc code, const std::string& doing, const std::string& name) const
{
    const auto number = errno;
    return error_of(code, doing, path_of(name), number);
}

Result<HostDir> HostDir::open_below(const std::string& name, Links links) const
{
    auto fd = open_at(name, O_RDONLY | O_DIRECTORY, links);
    if (!fd) {
        return file_error(Errc::not_found, "open", name);
    }
    return HostDir{std::move(fd), path_of(name), lookup_};
}

Result<std::string> HostDir::read(const std::string& name, Links links) const
{
    const auto fd = open_at(name, O_RDONLY | O_NONBLOCK, links);
    if (!fd) {
        return file_error(Errc::not_found, "open", name);
    }
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const auto got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_error(Errc::not_found, "read", name);
        }
        if (got == 0) {
            break;
        }
        text.append(part.data(), static_cast<std::size_t>(got));
        if (text.size() > file_bytes_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "'" + path_of(name) + "' is too long"};
        }
    }
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

Result<void> HostDir::write(const std::string& name, std::string_view text) const
{
    const auto fd = open_at(name, O_WRONLY | O_TRUNC | O_NONBLOCK, Links::none);
    if (!fd) {
        return file_error(Errc::not_found, "open", name);
    }
    // An empty text would be no call at all to the kernel.
    const std::string line = std::string{text} + "\n";
    const auto wrote = ::write(fd.get(), line.data(), line.size());
    if (wrote != static_cast<ssize_t>(line.size())) {
        errno = wrote < 0 ? errno : EIO;
        return file_error(Errc::apply_failed, "write '" + std::string{text} + "' to", name);
    }
    return {};
}

std::string HostDir::link_name(const std::string& name) const
{
    std::array<char, PATH_MAX> target{};
    const auto got = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
    if (got <= 0) {
        return {};
    }
    const std::string_view path{target.data(), static_cast<std::size_t>(got)};
    return std::string{path.substr(path.rfind('/') + 1)};
}

Result<std::vector<std::string>> HostDir::folders(std::size_t count_max, Links links) const
{
    auto fd = open_at(".", O_RDONLY | O_DIRECTORY, Links::none);
    const std::unique_ptr<DIR, CloseFolder> folder{fd ? ::fdopendir(fd.get()) : nullptr};
    if (!folder) {
        return file_error(Errc::not_found, "list", ".");
    }
    (void)fd.release(); // it is the folder's now
    std::vector<std::string> names;
    for (const auto* entry = ::readdir(folder.get()); entry != nullptr;
         entry = ::readdir(folder.get())) {
        const std::string name{static_cast<const char*>(entry->d_name)};
        const auto wanted =
            entry->d_type == DT_DIR || (links == Links::below && entry->d_type == DT_LNK);
        if (!wanted || name == "." || name == "..") {
            continue;
        }
        if (names.size() >= count_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "more than " + std::to_string(count_max) + " directories in '" +
                                    path_ + "'"};
        }
        names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> HostDir::make(const std::string& name) const
{
    constexpr mode_t mode = 0755; // whatever the umask is: the daemon reads it
    if (::mkdirat(fd_.get(), name.c_str(), mode) != 0 && errno != EEXIST) {
        return file_error(Errc::apply_failed, "make", name);
    }
    if (::fchmodat(fd_.get(), name.c_str(), mode, 0) != 0) {
        return file_error(Errc::apply_failed, "let others read", name);
    }
    return {};
}

Result<void> HostDir::remove(const std::string& name) const
{
    if (::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return file_error(Errc::apply_failed, "remove", name);
    }
    return {};
}

bool HostDir::is_cgroup2() const
{
    struct statfs about {};

    return ::fstatfs(fd_.get(), &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC;
}

Result<FileLock> HostDir::lock(const std::string& name, std::chrono::milliseconds patience) const
{
    auto fd = open_at(name, O_WRONLY | O_NONBLOCK, Links::none);
    if (!fd) {
        return file_error(Errc::not_found, "open", name);
    }
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return file_error(Errc::apply_failed, "lock", name);
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return Error{.code = Errc::timed_out,
                         .message = "another process has locked '" + path_of(name) + "' for " +
                                    std::to_string(patience.count()) + " ms"};
        }
        std::this_thread::sleep_for(lock_pause); // flock(2) has no deadline
    }
    return FileLock{std::move(fd)};
}

} // namespace virtpind
