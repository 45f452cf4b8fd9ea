// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_store.hpp"

#include "before_image_json.hpp"
#include "common/uuid.hpp"
#include "common/words.hpp"
#include "daemon/loop/unique_fd.hpp"
#include "text_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace virtpind::host {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view image_suffix = ".json";
constexpr std::string_view corrupt_suffix = ".corrupt";
constexpr std::string_view temporary_suffix = ".json.new";

Error not_persisted(const std::string& doing, int error)
{
    return Error{.code = Errc::not_persisted,
                 .message = "cannot " + doing + ": " + std::strerror(error)};
}

// File names with this suffix, sorted; at most `most`.
std::vector<fs::path> files_with(const fs::path& dir, std::string_view suffix, std::size_t most,
                                 std::error_code& error)
{
    std::vector<fs::path> files;
    for (fs::directory_iterator entry{dir, error}, end;
         !error && entry != end && files.size() < most; entry.increment(error)) {
        if (entry->path().native().ends_with(suffix)) {
            files.push_back(entry->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::size_t count_files(const fs::path& dir, std::string_view suffix)
{
    std::error_code ignored;
    return files_with(dir, suffix, before_images_max + 1, ignored).size();
}

// Renamed, so that a person may look at it and the next start does not stumble over it again.
std::string set_aside(const fs::path& file, const std::string& why)
{
    auto aside = file;
    aside += corrupt_suffix;
    std::error_code error;
    if (count_files(file.parent_path(), corrupt_suffix) >= corrupt_files_max) {
        fs::remove(file, error);
        return why + "; removed, since " + std::to_string(corrupt_files_max) +
               " such files are kept already";
    }
    fs::rename(file, aside, error);
    return why + (error ? "; it cannot be set aside: " + error.message()
                        : "; set aside as " + path_in_quotes(aside.filename().native()));
}

Result<std::string> read_own_file(const fs::path& file)
{
    return read_text_file(file, before_image_bytes_max, Links::refused);
}

// Not even its content is known: it may be good, and its time come again.
bool is_unreadable(const Error& error)
{
    return error.code == Errc::not_found;
}

Result<BeforeImage> load_one(const fs::path& file)
{
    const auto text = read_own_file(file);
    if (!text) {
        return text.error();
    }
    auto image = parse_before_image(*text, file.native());
    if (image && file.stem() != image->uuid.str()) {
        return Error{.code = Errc::invalid_config,
                     .message = file.native() + ": the file name is not the UUID inside"};
    }
    return image;
}

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

// The name of a file is on disk only when its directory is.
Result<void> sync_directory(const fs::path& dir)
{
    const loop::UniqueFd fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) {
        return not_persisted("sync " + in_quotes(dir.native()), errno);
    }
    return {};
}

// Whether a file must outlive a power failure, or only this process.
enum class Lifetime { durable, boot };

Result<void> write_temporary(const fs::path& temporary, std::string_view text, Lifetime lifetime)
{
    const loop::UniqueFd fd{
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) {
        return not_persisted("create " + in_quotes(temporary.native()), errno);
    }
    if (auto written = write_all(fd.get(), text); !written) {
        return written;
    }
    if (lifetime == Lifetime::durable && ::fsync(fd.get()) != 0) {
        return not_persisted("sync " + in_quotes(temporary.native()), errno);
    }
    return {};
}

// In place of the old file, or not at all.
Result<void> write_file(const fs::path& file, std::string_view text, Lifetime lifetime)
{
    auto temporary = file;
    temporary.replace_extension(temporary_suffix);
    std::error_code ignored;
    if (auto written = write_temporary(temporary, text, lifetime); !written) {
        fs::remove(temporary, ignored);
        return written;
    }
    if (::rename(temporary.c_str(), file.c_str()) != 0) {
        const auto error = errno;
        fs::remove(temporary, ignored);
        return not_persisted("rename " + in_quotes(temporary.native()), error);
    }
    return lifetime == Lifetime::durable ? sync_directory(file.parent_path()) : Result<void>{};
}

} // namespace

StateStore::Loaded StateStore::load_all()
{
    Loaded loaded;
    left_alone_.clear();
    std::error_code error;
    const auto files = files_with(dir_, image_suffix, before_images_max, error);
    if (error && error != std::errc::no_such_file_or_directory) {
        loaded.problems.push_back("cannot read " + in_quotes(dir_.native()) + ": " +
                                  error.message());
    }
    std::error_code ignored;
    for (const auto& left : files_with(dir_, temporary_suffix, before_images_max, ignored)) {
        fs::remove(left, ignored);
    }
    for (const auto& file : files) {
        auto image = load_one(file);
        if (image) {
            loaded.images.emplace(image->uuid, std::move(*image));
        } else if (is_unreadable(image.error())) {
            left_alone_.insert(file);
            loaded.problems.push_back(image.error().message + "; left alone");
        } else {
            loaded.problems.push_back(set_aside(file, image.error().message));
        }
    }
    return loaded;
}

Result<fs::path> StateStore::path_of(const DomainUuid& uuid) const
{
    // It becomes a file name: never trust that it was checked.
    if (!parse_uuid(uuid.str())) {
        return Error{.code = Errc::invalid_argument,
                     .message = in_quotes(uuid.str()) + " is not a UUID"};
    }
    return dir_ / (uuid.str() + std::string{image_suffix});
}

bool StateStore::is_full()
{
    // Others may have removed some: so it is full only when a count says so.
    if (!files_ || *files_ >= before_images_max) {
        files_ = count_files(dir_, image_suffix);
    }
    return *files_ >= before_images_max;
}

// What could not be read may be the only record of how a domain was: it is not overwritten, nor
// removed, also not when somebody has made it readable and has yet to restart the service.
Result<void> StateStore::check_replaceable(const fs::path& file) const
{
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored))) {
        return {};
    }
    const auto text = read_own_file(file);
    const auto unreadable = !text && is_unreadable(text.error());
    if (unreadable || left_alone_.contains(file)) {
        return Error{.code = Errc::conflict,
                     .message = (unreadable ? text.error().message
                                            : path_in_quotes(file.native()) +
                                                  " could not be read at the start") +
                                "; make it readable for virtpind, or move it away, and restart "
                                "the service"};
    }
    return {};
}

Result<void> StateStore::save(const BeforeImage& image)
{
    const auto path = path_of(image.uuid);
    if (!path) {
        return path.error();
    }
    std::error_code error;
    if (fs::create_directories(dir_, error)) {
        fs::permissions(dir_, fs::perms::owner_all, error);
    }
    if (error) {
        return not_persisted("create " + in_quotes(dir_.native()), error.value());
    }
    const auto is_new = !fs::exists(*path, error);
    if (is_new && is_full()) {
        return Error{.code = Errc::limits_exceeded,
                     .message =
                         "there are already " + std::to_string(before_images_max) +
                         " before-images; reset the policy of domains that need none, and remove "
                         "the files of those that are gone for good from " +
                         path->parent_path().string()};
    }
    if (auto replaceable = check_replaceable(*path); !replaceable) {
        return replaceable;
    }
    const auto text = format_before_image(image);
    if (text.size() > before_image_bytes_max) {
        return Error{.code = Errc::not_persisted,
                     .message = "the before-image has more than " +
                                std::to_string(before_image_bytes_max) + " bytes"};
    }
    // A transient domain ends with its boot, and with it the use of its before-image: waiting for
    // the disk would only delay its first pins.
    auto written = write_file(*path, text, image.config ? Lifetime::durable : Lifetime::boot);
    if (is_new && !written) { // it may be there all the same, if only its directory was not synced
        ::unlink(path->c_str());
    } else if (is_new && files_) {
        ++*files_;
    }
    return written;
}

Result<void> StateStore::remove(const DomainUuid& uuid)
{
    const auto path = path_of(uuid);
    if (!path) {
        return path.error();
    }
    if (auto replaceable = check_replaceable(*path); !replaceable) {
        return replaceable;
    }
    if (::unlink(path->c_str()) == 0) {
        if (files_ && *files_ > 0) {
            --*files_;
        }
        return {};
    }
    return errno == ENOENT ? Result<void>{}
                           : not_persisted("remove " + path_in_quotes(path->native()), errno);
}

Result<void> StateStore::forget(const std::vector<DomainUuid>& uuids)
{
    Result<void> all;
    for (const auto& uuid : uuids) {
        if (auto removed = remove(uuid); !removed && all) {
            all = std::move(removed);
        }
    }
    std::error_code ignored;
    if (!fs::exists(dir_, ignored)) {
        return all;
    }
    auto synced = sync_directory(dir_);
    return all ? synced : all;
}

Result<DomainUuid> StateStore::forget_oldest(const std::vector<DomainUuid>& uuids)
{
    files_ = count_files(dir_, image_suffix);
    if (*files_ > before_images_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "one less would not make room: there are " +
                                std::to_string(*files_) + " files in " + dir_.native()};
    }
    std::multimap<fs::file_time_type, DomainUuid> by_time;
    for (const auto& uuid : uuids) {
        std::error_code missing;
        const auto path = path_of(uuid);
        const auto written = path ? fs::last_write_time(*path, missing) : fs::file_time_type{};
        if (path && !missing) {
            by_time.emplace(written, uuid);
        }
    }
    Result<DomainUuid> forgotten =
        Error{.code = Errc::not_found, .message = "none of these before-images is there"};
    for (const auto& [written, uuid] : by_time) {
        auto removed = remove(uuid);
        if (removed) {
            [[maybe_unused]] const auto synced = sync_directory(dir_); // it is gone for us already
            return uuid;
        }
        forgotten = std::move(removed).error();
    }
    return forgotten;
}

} // namespace virtpind::host
