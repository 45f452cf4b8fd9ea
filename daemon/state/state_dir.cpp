// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_dir.hpp"

#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr mode_t owner_only = 0700;

Error unusable(const fs::path& path, const std::string& why)
{
    return Error{.code = Errc::not_persisted,
                 .message = "failed to use " + path_in_quotes(path.native()) + ": " + why};
}

Error unusable(const fs::path& path, int error)
{
    return unusable(path, std::string{std::strerror(error)});
}

// Makes the last part of the path only for us; what is above it as everybody does.
Result<loop::UniqueFd> open_whosever(const fs::path& dir)
{
    std::error_code above;
    fs::create_directories(dir.parent_path(), above);
    if (::mkdir(dir.c_str(), owner_only) != 0 && errno != EEXIST) {
        return unusable(dir, errno);
    }
    loop::UniqueFd fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd) {
        return unusable(dir, errno);
    }
    return fd;
}

Result<uid_t> owner_of(int fd, const fs::path& shown)
{
    struct stat about {};

    if (::fstat(fd, &about) != 0) {
        return unusable(shown, errno);
    }
    return about.st_uid;
}

Result<void> check_ours(int fd, const fs::path& shown)
{
    const auto owner = owner_of(fd, shown);
    if (!owner) {
        return owner.error();
    }
    if (*owner != ::geteuid()) {
        return unusable(shown, "it belongs to user " + std::to_string(*owner) +
                                   ", but virtpind runs as user " + std::to_string(::geteuid()) +
                                   "; run virtpind as the owner (systemctl start virtpind), or "
                                   "give it to this user (chown -hR)");
    }
    return {};
}

// With the groups by which libvirt may know it; one without a name has none.
Result<void> become(uid_t uid)
{
    std::vector<char> text(16384);
    passwd entry{};
    passwd* found = nullptr;
    const auto failed = ::getpwuid_r(uid, &entry, text.data(), text.size(), &found);
    const auto gid = found != nullptr ? found->pw_gid : static_cast<gid_t>(uid);
    const auto grouped =
        found != nullptr ? ::initgroups(found->pw_name, gid) : ::setgroups(1, &gid);
    if (failed != 0 || grouped != 0 || ::setresgid(gid, gid, gid) != 0 ||
        ::setresuid(uid, uid, uid) != 0) {
        return Error{.code = Errc::not_persisted,
                     .message = "failed to switch to user " + std::to_string(uid) + ": " +
                                std::strerror(failed != 0 ? failed : errno)};
    }
    return {};
}

} // namespace

Result<void> become_owner_of(const fs::path& state_dir)
{
    if (::geteuid() != 0) {
        return {};
    }
    const auto fd = open_whosever(state_dir);
    if (!fd) {
        return fd.error();
    }
    const auto owner = owner_of(fd->get(), state_dir);
    if (!owner) {
        return owner.error();
    }
    return *owner == 0 ? Result<void>{} : become(*owner);
}

Result<loop::UniqueFd> open_state_dir(const fs::path& state_dir)
{
    auto fd = open_whosever(state_dir);
    if (fd) {
        if (auto ours = check_ours(fd->get(), state_dir); !ours) {
            return std::move(ours).error();
        }
    }
    return fd;
}

Result<loop::UniqueFd> open_own_dir(int parent, const std::string& name, const fs::path& shown)
{
    loop::UniqueFd fd{::openat(parent, name.c_str(),
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!fd) {
        auto error = unusable(shown, errno);
        error.code = errno == ENOENT ? Errc::not_found : error.code;
        return error;
    }
    if (auto ours = check_ours(fd.get(), shown); !ours) {
        return std::move(ours).error();
    }
    return fd;
}

Result<std::string> read_own_file(int dir, const std::string& name, const fs::path& shown,
                                  std::size_t bytes_max)
{
    const auto file = "file " + path_in_quotes(shown.native());
    const loop::UniqueFd fd{
        ::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};

    struct stat about {};

    if (!fd || ::fstat(fd.get(), &about) != 0) {
        return Error{.code = Errc::not_found,
                     .message = "failed to read " + file + ": " + std::strerror(errno)};
    }
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) { // reading that one tells
        return Error{.code = Errc::invalid_argument, .message = file + " is not a regular file"};
    }
    return read_text(fd.get(), file, bytes_max);
}

} // namespace virtpind
