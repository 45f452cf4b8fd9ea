// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images, which hold how domains were before virtpind first touched them: when one is
// written, which domain it belongs to, and when it is no longer needed. The record of a visible
// domain has its image; this class has the images of the other domains, and the names of files to
// remove. Main thread only.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "domain_record.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

class BeforeImages {
public:
    // `boot_id` is that of the host; `found` are the images on disk at start, in `directory`, which
    // sentences name. `host` must outlive this object.
    BeforeImages(LibvirtPort& host, std::string boot_id, std::map<DomainUuid, BeforeImage> found,
                 std::string directory);

    [[nodiscard]] const std::string& boot_id() const noexcept { return boot_id_; }

    // A domain became visible: moves its image to its record.
    void attach(DomainRecord& record, const DomainUuid& uuid);
    // Merges the undo note in the domain's own metadata into its image: merge_undo().
    void take_notes(DomainRecord& record);
    // A domain is no longer visible, undefined or out of reach for a while: takes its image back.
    void detach(DomainRecord& record);

    // A sentence if there are many images of domains that are not visible, else "". They are kept
    // because such a domain may come back; only an administrator knows whether it will.
    [[nodiscard]] std::string unseen_problem() const;

    // The domain was undefined, or it ended without a definition: drops its image. No effect while
    // the domain is visible.
    void forget_gone(const DomainUuid& uuid);
    // The domain is as its image says, or the run that the image describes is over: drops the image
    // from its record.
    void forget(DomainRecord& record);
    // The domain is in the run `id` (none while it is shut off). If its image is of another run,
    // drops the pins of that, of a domain without a definition the whole image: a later run may
    // have the same id.
    void forget_former_run(DomainRecord& record, std::optional<int> id);

    // Writes the present state of each domain in `actions`, one after the other, unless it is on
    // disk already. If the limit on images is reached, the oldest image of a domain that is not
    // visible is dropped. Then calls `saved` with the actions of the domains that have an image on
    // disk; calls `failed` for each of the others. `records` has all of them and must outlive the
    // call of `saved`.
    using Failed = std::function<void(DomainRecord&, Error)>;
    using Saved = std::function<void(std::vector<DomainActions>)>;
    void save(Records& records, std::vector<DomainActions> actions, Failed failed, Saved saved);

    // Removes the files that are no longer needed, in one job. A file that cannot be removed is
    // tried again at the next call. Calls `told` with a sentence on the failure, or "" after
    // success; does not call it if there is nothing to remove. `records` must outlive that call.
    void clean_up(const Records& records, std::function<void(const std::string&)> told);

private:
    struct Saving;

    void save_next(const std::shared_ptr<Saving>& saving, std::size_t at);
    void make_way(const std::shared_ptr<Saving>& saving, std::size_t at, Error full);
    void leave_out(const std::shared_ptr<Saving>& saving, std::size_t at, Error why);

    LibvirtPort& host_;
    const std::string boot_id_;
    const std::string directory_;
    std::map<DomainUuid, BeforeImage> unseen_;
    std::set<DomainUuid> unsaved_; // those in unseen_ whose file is missing or differs
    std::set<DomainUuid> useless_; // files to remove
};

} // namespace virtpind
