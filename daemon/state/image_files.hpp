// SPDX-License-Identifier: LGPL-2.1-or-later
// The files of the before-images, by their names below an open directory. Existing links, pipes and
// files are never followed, waited for or written through. Blocks as long as the disk does: worker
// thread, except for loading.
#pragma once

#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

inline constexpr std::size_t before_images_max = 4096;
inline constexpr std::size_t corrupt_files_max = 64; // kept for a person to look at

inline constexpr std::string_view image_suffix = ".json";
inline constexpr std::string_view temporary_suffix = ".json.new";

struct Images {
    loop::UniqueFd fd;
    std::filesystem::path path; // for people

    [[nodiscard]] std::filesystem::path shown(const std::string& name) const { return path / name; }
};

// Errors: not_found when nothing was ever saved, not_persisted.
[[nodiscard]] Result<Images> open_images(const std::filesystem::path& path);
[[nodiscard]] Result<Images> make_images(const std::filesystem::path& path);

// File names with this suffix, sorted; at most `most`. Error: not_persisted.
[[nodiscard]] Result<std::vector<std::string>>
files_with(const Images& images, std::string_view suffix, std::size_t most);
// The number of images, at most one more than the limit.
[[nodiscard]] std::size_t count_images(const Images& images);
[[nodiscard]] bool is_there(const Images& images, const std::string& name);

// Errors: those of read_own_file().
[[nodiscard]] Result<std::string> read_image(const Images& images, const std::string& name);

// Whether a file must outlive a power failure, or only this process.
enum class Lifetime { durable, boot };
// Replaces the old file atomically. Error: not_persisted.
[[nodiscard]] Result<void> write_image(const Images& images, const std::string& name,
                                       std::string_view text, Lifetime lifetime);
// Tells whether it existed. Error: not_persisted.
[[nodiscard]] Result<bool> remove_image(const Images& images, const std::string& name);
// Renames the file, so that a person may look at it and the next start ignores it. Returns `why`
// and the new name.
[[nodiscard]] std::string set_aside(const Images& images, const std::string& name,
                                    const std::string& why);
// Syncs the directory: only then are the names of files on disk. Error: not_persisted.
[[nodiscard]] Result<void> sync_names(const Images& images);

} // namespace virtpind
