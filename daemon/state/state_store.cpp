// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_store.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"
#include "image_files.hpp"
#include "original_state_json.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

// There is none, or not even its content is known, or that is of a later version: it may be good,
// and its time come again.
bool is_out_of_reach(const Error& error)
{
    return error.code == Errc::not_found || error.code == Errc::unsupported;
}

// What brings a file within reach.
std::string next_step(const Error& why)
{
    return why.code == Errc::unsupported
               ? "; install that virtpind again or move the file away, then restart the service"
               : "; make it readable for virtpind or move it away, then restart the service";
}

std::string was_out_of_reach(const Images& images, const std::string& name, const Error& why)
{
    return (why.code == Errc::unsupported
                ? why.message
                : path_in_quotes(images.shown(name).native()) + " was unreadable at the start") +
           next_step(why);
}

Result<BeforeImage> load_one(const Images& images, const std::string& name)
{
    const auto text = read_image(images, name);
    if (!text) {
        return text.error();
    }
    const auto file = images.shown(name);
    auto image = parse_before_image(*text, printable(file.native(), 4096));
    if (image && file.stem() != image->uuid.str()) {
        return Error{.code = Errc::invalid_config,
                     .message =
                         printable(file.native(), 4096) + ": the file name is not the UUID inside"};
    }
    return image;
}

// It becomes a file name: never trust that it was checked.
Result<std::string> name_of(const DomainUuid& uuid)
{
    if (!parse_uuid(uuid.str())) {
        return Error{.code = Errc::invalid_argument,
                     .message = in_quotes(uuid.str()) + " is not a UUID"};
    }
    return uuid.str() + std::string{image_suffix};
}

// Why files are kept, by their names.
using KeptFiles = std::map<std::string, std::string>;

// What could not be read may be the only record of how a domain was: it is not overwritten, nor
// removed, also not when somebody has made it readable and has yet to restart the service.
Result<void> check_replaceable(const Images& images, const std::string& name,
                               const KeptFiles& kept_files)
{
    if (!is_there(images, name)) {
        return {};
    }
    const auto text = read_image(images, name);
    if (!text && is_out_of_reach(text.error())) {
        return Error{.code = Errc::conflict,
                     .message = text.error().message + next_step(text.error())};
    }
    if (const auto kept = kept_files.find(name); kept != kept_files.end()) {
        return Error{.code = Errc::conflict, .message = kept->second};
    }
    return {};
}

// Whether it was there.
Result<bool> forget_image(const Images& images, const DomainUuid& uuid, const KeptFiles& kept_files)
{
    const auto name = name_of(uuid);
    if (!name) {
        return name.error();
    }
    if (auto replaceable = check_replaceable(images, *name, kept_files); !replaceable) {
        return std::move(replaceable).error();
    }
    return remove_image(images, *name);
}

// Where there is no directory.
Result<bool> is_never_saved(const DomainUuid& uuid)
{
    const auto name = name_of(uuid);
    return name ? Result<bool>{false} : Result<bool>{name.error()};
}

} // namespace

StateStore::Loaded StateStore::load_all()
{
    Loaded loaded;
    kept_files_.clear();
    const auto images = open_images(dir_);
    if (!images) {
        if (!is_out_of_reach(images.error())) {
            loaded.problems.push_back(images.error().message);
        }
        return loaded;
    }
    const auto names = files_with(*images, image_suffix, before_images_max);
    if (!names) {
        loaded.problems.push_back(names.error().message);
        return loaded;
    }
    if (const auto left = files_with(*images, temporary_suffix, before_images_max)) {
        for (const auto& name : *left) {
            [[maybe_unused]] const auto removed = remove_image(*images, name);
        }
    }
    for (const auto& name : *names) {
        auto image = load_one(*images, name);
        if (image) {
            loaded.images.emplace(image->uuid, std::move(*image));
        } else if (is_out_of_reach(image.error())) {
            const auto why = was_out_of_reach(*images, name, image.error());
            kept_files_.emplace(name, why);
            if (auto uuid = parse_uuid(images->shown(name).stem().native())) {
                loaded.kept.emplace(std::move(*uuid), why);
            }
            loaded.problems.push_back(image.error().message + ", leaving it alone" +
                                      next_step(image.error()));
        } else {
            loaded.problems.push_back(set_aside(*images, name, image.error().message));
        }
    }
    return loaded;
}

Result<void> StateStore::save(const BeforeImage& image)
{
    const auto name = name_of(image.uuid);
    if (!name) {
        return name.error();
    }
    const auto images = make_images(dir_);
    if (!images) {
        auto error = images.error();
        error.code = Errc::not_persisted;
        return error;
    }
    const auto is_new = !is_there(*images, *name);
    // Others may have removed some: so it is full only when a count says so.
    if (is_new && (!files_ || *files_ >= before_images_max)) {
        files_ = count_images(*images);
    }
    if (is_new && *files_ >= before_images_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message =
                         "there are already " + std::to_string(before_images_max) +
                         " before-images; reset policies that are no longer needed, and remove the "
                         "files of deleted domains from " +
                         dir_.string()};
    }
    if (auto replaceable = check_replaceable(*images, *name, kept_files_); !replaceable) {
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
    auto written =
        write_image(*images, *name, text, image.config ? Lifetime::durable : Lifetime::boot);
    if (is_new && !written) { // it may be there all the same, if only its directory was not synced
        [[maybe_unused]] const auto removed = remove_image(*images, *name);
    } else if (is_new && files_) {
        ++*files_;
    }
    return written;
}

Result<void> StateStore::forget(const std::vector<DomainUuid>& uuids)
{
    const auto images = open_images(dir_);
    if (!images && !is_out_of_reach(images.error())) {
        return images.error();
    }
    Result<void> all;
    for (const auto& uuid : uuids) {
        auto removed = images ? forget_image(*images, uuid, kept_files_) : is_never_saved(uuid);
        if (!removed && all) {
            all = std::move(removed).error();
        }
        if (removed && *removed && files_ && *files_ > 0) {
            --*files_;
        }
    }
    auto synced = images ? sync_names(*images) : Result<void>{};
    return all ? synced : all;
}

Result<DomainUuid> StateStore::forget_oldest(const std::vector<DomainUuid>& uuids)
{
    const auto images = open_images(dir_);
    if (!images) {
        return images.error();
    }
    files_ = count_images(*images);
    if (*files_ > before_images_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "removing one file is not enough: there are " +
                                std::to_string(*files_) + " files in " + dir_.native()};
    }
    std::multimap<std::pair<time_t, long>, DomainUuid> by_time;
    for (const auto& uuid : uuids) {
        const auto name = name_of(uuid);

        struct stat about {};

        if (name && ::fstatat(images->fd.get(), name->c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0) {
            by_time.emplace(std::pair{about.st_mtim.tv_sec, about.st_mtim.tv_nsec}, uuid);
        }
    }
    Result<DomainUuid> forgotten =
        Error{.code = Errc::not_found, .message = "found none of these before-images"};
    for (const auto& [written, uuid] : by_time) {
        auto removed = forget_image(*images, uuid, kept_files_);
        if (removed) {
            --*files_;
            [[maybe_unused]] const auto synced = sync_names(*images); // it is gone for us
            return uuid;
        }
        forgotten = std::move(removed).error();
    }
    return forgotten;
}

} // namespace virtpind
