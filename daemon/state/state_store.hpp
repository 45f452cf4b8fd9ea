// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images on disk: <state-dir>/domains/<uuid>.json, one per domain, written so that after a
// crash either the old or the new one is there. Blocks on fsync: worker thread, but for loading.
#pragma once

#include "common/base/result.hpp"
#include "common/model/original_state.hpp"
#include "image_files.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind::host {

// Where they are.
[[nodiscard]] inline std::filesystem::path images_dir(const std::filesystem::path& state_dir)
{
    return state_dir / "domains";
}

class StateStore {
public:
    explicit StateStore(const std::filesystem::path& state_dir) : dir_{images_dir(state_dir)} {}

    struct Loaded {
        std::map<DomainUuid, BeforeImage> images;
        std::vector<std::string> problems; // sentences, one per file that could not be used
    };

    // Removes what a crash left half written. Never fails: a file that is no before-image is
    // renamed to NAME.corrupt and becomes a problem. So does a file or directory that cannot be
    // read at all (permissions, a failing disk, a symbolic link), but that one is left alone: it
    // may be good.
    [[nodiscard]] Loaded load_all();

    // Answers when the file is on disk. A new one that failed is not there if the disk allows.
    // Errors: not_persisted (also: it is too large), conflict (one that could not be read is in its
    // place), limits_exceeded where there are too many.
    [[nodiscard]] Result<void> save(const BeforeImage& image);
    // Goes on after a failure and returns the first: not_persisted, conflict as above. A file that
    // is not there is forgotten already.
    [[nodiscard]] Result<void> forget(const std::vector<DomainUuid>& uuids);
    // Only that which was written longest ago, of those that can be removed, and says which.
    // Errors: limits_exceeded (that would not make room), not_found, not_persisted.
    [[nodiscard]] Result<DomainUuid> forget_oldest(const std::vector<DomainUuid>& uuids);

private:
    std::filesystem::path dir_;
    // Files that are there, roughly: to list them for each new one would take ever longer.
    std::optional<std::size_t> files_;
    std::set<std::string> kept_files_; // names of files, by load_all()
};

} // namespace virtpind::host
