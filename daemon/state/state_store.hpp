// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images on disk: <state-dir>/domains/<uuid>.json, one per domain, written so that after a
// crash either the old or the new one exists. Blocks on fsync: worker thread, except for loading.
#pragma once

#include "common/base/result.hpp"
#include "common/model/original_state.hpp"
#include "image_files.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind {

// The directory of the images.
[[nodiscard]] inline std::filesystem::path images_dir(const std::filesystem::path& state_dir)
{
    return state_dir / "domains";
}

class StateStore {
public:
    explicit StateStore(const std::filesystem::path& state_dir) : dir_{images_dir(state_dir)} {}

    struct Loaded {
        std::map<DomainUuid, BeforeImage> images;
        std::vector<std::string> problems; // sentences, one per unusable file
        // The domains whose file is left alone, and why, with the next step.
        std::map<DomainUuid, std::string> kept;
    };

    // Removes half-written files of a crash. Never fails: a file that is no before-image is
    // renamed to NAME.corrupt and becomes a problem. A file or directory that is unreadable
    // (permissions, a failing disk, a symbolic link), and a file that a later version wrote, also
    // become problems, but are left alone: they may be good.
    [[nodiscard]] Loaded load_all();

    // Returns when the file is on disk. After an error, a new file is removed if the disk allows.
    // Errors: not_persisted (also: it is too large), conflict (a file that is kept has its name),
    // limits_exceeded (too many files).
    [[nodiscard]] Result<void> save(const BeforeImage& image);
    // Continues after a failure and returns the first error: not_persisted, or conflict as above. A
    // missing file is no error.
    [[nodiscard]] Result<void> forget(const std::vector<DomainUuid>& uuids);
    // Removes only the oldest of those that can be removed, and returns its UUID. Errors:
    // limits_exceeded (one is not enough), not_found, not_persisted.
    [[nodiscard]] Result<DomainUuid> forget_oldest(const std::vector<DomainUuid>& uuids);

private:
    std::filesystem::path dir_;
    // The approximate number of files: listing them for each new one would take ever longer.
    std::optional<std::size_t> files_;
    std::map<std::string, std::string> kept_files_; // why, by the names of files; of load_all()
};

} // namespace virtpind
