// SPDX-License-Identifier: LGPL-2.1-or-later
// How domains were before virtpind first touched them: when that is written, to whom it belongs,
// and when it is not needed any more. The image of a domain that is seen is in its record; here are
// those of domains that are not, and the names of those whose files are to go. Main thread only.
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
    // `boot_id` is the host's; `found` are those that were on disk at start, in the directory
    // `directory`, which is for people. The host must outlive this.
    BeforeImages(LibvirtPort& host, std::string boot_id, std::map<DomainUuid, BeforeImage> found,
                 std::string directory);

    [[nodiscard]] const std::string& boot_id() const noexcept { return boot_id_; }

    // The domain came into view: its image goes to its record.
    void attach(DomainRecord& record, const DomainUuid& uuid);
    // What its own metadata tells of how it was is taken into its image: merge_undo().
    void take_notes(DomainRecord& record);
    // It left the view, undefined or out of reach for a while: the image comes back.
    void detach(DomainRecord& record);

    // A sentence where there are many images of domains that are not in view, else "": they are
    // kept for domains that may come back, and only people know whether they will.
    [[nodiscard]] std::string unseen_problem() const;

    // It has been undefined, or ended and had no definition. Without effect while it is in view.
    void forget_gone(const DomainUuid& uuid);
    // It is as its image says, or the run is over that the image was of. Its record has no image
    // any more.
    void forget(DomainRecord& record);
    // Forgets the image of a domain without a definition if it was of another run than `id`.
    void forget_former_run(DomainRecord& record, std::optional<int> id);

    // Writes how each domain of `actions` is, one after the other, unless that is on disk already;
    // where there is no room for one more, the oldest of those that are not in view makes room.
    // Then calls `saved` with the actions of all that are. Each that cannot be written is told to
    // `failed`. `records` has them all, and must outlive the answer.
    using Failed = std::function<void(DomainRecord&, Error)>;
    using Saved = std::function<void(std::vector<DomainActions>)>;
    void save(Records& records, std::vector<DomainActions> actions, Failed failed, Saved saved);

    // Removes the files that are not needed any more, in one job, however many there are. What
    // cannot be removed is tried again with the next call. `told` hears a sentence on what is wrong
    // with that, or ""; it is not called when there is nothing to do. `records` must outlive the
    // answer.
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
    std::set<DomainUuid> unsaved_; // of these, where the file says something else, or is not there
    std::set<DomainUuid> useless_;
};

} // namespace virtpind
