// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image_files.hpp"

#include "common/base/messages.hpp"
#include "original_state_json.hpp"
#include "state_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view corrupt_suffix = ".corrupt";

Error not_persisted(const std::string& doing, int error)
{
    return Error{.code = Errc::not_persisted,
                 .message = "failed to " + doing + ": " + std::strerror(error)};
}

struct CloseDir {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

Result<void> write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return not_persisted("write a before-image", errno);
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return {};
}

// A file that was not there before, so that nothing that was is opened or written through.
loop::UniqueFd create_file(const Images& images, const std::string& name)
{
    const auto create = [&] {
        return loop::UniqueFd{::openat(images.fd.get(), name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    };
    auto fd = create();
    if (!fd && errno == EEXIST && ::unlinkat(images.fd.get(), name.c_str(), 0) == 0) {
        fd = create();
    }
    return fd;
}

Result<void> write_temporary(const Images& images, const std::string& name, std::string_view text,
                             Lifetime lifetime)
{
    const auto shown = path_in_quotes(images.shown(name).native());
    const auto fd = create_file(images, name);
    if (!fd) {
        return not_persisted("create " + shown, errno);
    }
    if (auto written = write_all(fd.get(), text); !written) {
        return written;
    }
    if (lifetime == Lifetime::durable && ::fsync(fd.get()) != 0) {
        return not_persisted("sync " + shown, errno);
    }
    return {};
}

} // namespace

Result<Images> open_images(const fs::path& path)
{
    const auto state = open_state_dir(path.parent_path());
    if (!state) {
        return state.error();
    }
    auto fd = open_own_dir(state->get(), path.filename(), path);
    if (!fd) {
        return std::move(fd).error();
    }
    return Images{.fd = std::move(*fd), .path = path};
}

Result<Images> make_images(const fs::path& path)
{
    const auto state = open_state_dir(path.parent_path());
    if (!state) {
        return state.error();
    }
    if (::mkdirat(state->get(), path.filename().c_str(), 0700) != 0 && errno != EEXIST) {
        return not_persisted("create " + path_in_quotes(path.native()), errno);
    }
    return open_images(path);
}

Result<std::vector<std::string>> files_with(const Images& images, std::string_view suffix,
                                            std::size_t most)
{
    // Not a duplicate of the descriptor, which would share its place in the directory.
    loop::UniqueFd again{::openat(images.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const std::unique_ptr<DIR, CloseDir> dir{again ? ::fdopendir(again.get()) : nullptr};
    if (!dir) {
        return not_persisted("read " + path_in_quotes(images.path.native()), errno);
    }
    [[maybe_unused]] const auto owned = again.release();
    std::vector<std::string> names;
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): of a stream of our own
    for (const auto* entry = ::readdir(dir.get()); entry != nullptr && names.size() < most;
         entry = ::readdir(dir.get())) { // NOLINT(concurrency-mt-unsafe)
        if (std::string_view{entry->d_name}.ends_with(suffix)) {
            names.emplace_back(entry->d_name);
        }
    }
    if (errno != 0) {
        return not_persisted("read " + path_in_quotes(images.path.native()), errno);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::size_t count_images(const Images& images)
{
    const auto names = files_with(images, image_suffix, before_images_max + 1);
    return names ? names->size() : 0;
}

std::string set_aside(const Images& images, const std::string& name, const std::string& why)
{
    const auto dir = images.fd.get();
    const auto kept = files_with(images, corrupt_suffix, corrupt_files_max);
    if (kept && kept->size() >= corrupt_files_max) {
        ::unlinkat(dir, name.c_str(), 0);
        return why + "; removed, because " + std::to_string(corrupt_files_max) +
               " such files are kept already";
    }
    const auto aside = name + std::string{corrupt_suffix};
    return ::renameat(dir, name.c_str(), dir, aside.c_str()) != 0
               ? why + "; failed to rename it: " + std::strerror(errno)
               : why + "; renamed to " + path_in_quotes(aside);
}

Result<std::string> read_image(const Images& images, const std::string& name)
{
    return read_own_file(images.fd.get(), name, images.shown(name), before_image_bytes_max);
}

Result<void> sync_names(const Images& images)
{
    if (::fsync(images.fd.get()) != 0) {
        return not_persisted("sync " + path_in_quotes(images.path.native()), errno);
    }
    return {};
}

Result<void> write_image(const Images& images, const std::string& name, std::string_view text,
                         Lifetime lifetime)
{
    const auto dir = images.fd.get();
    const auto temporary =
        name.substr(0, name.size() - image_suffix.size()) + std::string{temporary_suffix};
    if (auto written = write_temporary(images, temporary, text, lifetime); !written) {
        ::unlinkat(dir, temporary.c_str(), 0);
        return written;
    }
    if (::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
        const auto error = errno;
        ::unlinkat(dir, temporary.c_str(), 0);
        return not_persisted("rename " + path_in_quotes(images.shown(temporary).native()), error);
    }
    return lifetime == Lifetime::durable ? sync_names(images) : Result<void>{};
}

bool is_there(const Images& images, const std::string& name)
{
    struct stat about {};

    return ::fstatat(images.fd.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<bool> remove_image(const Images& images, const std::string& name)
{
    if (::unlinkat(images.fd.get(), name.c_str(), 0) == 0) {
        return true;
    }
    if (errno == ENOENT) {
        return false;
    }
    return not_persisted("remove " + path_in_quotes(images.shown(name).native()), errno);
}

} // namespace virtpind
