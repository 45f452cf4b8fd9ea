// SPDX-License-Identifier: LGPL-2.1-or-later
#include "original_states.hpp"

#include "common/base/logging.hpp"
#include "common/base/printable.hpp"
#include "common/model/parts.hpp"
#include "common/model/undo_merge.hpp"

#include <utility>

namespace virtpind {

namespace {

// More images of domains that libvirt does not show are a Problem.
constexpr std::size_t unseen_max = 64;

// Whether the image on disk is complete. A transient domain may have become persistent since, and a
// definition may have been edited before it was first written.
bool is_saved(const DomainRecord& record)
{
    return record.before && !record.unsaved && !record.image_stale &&
           (record.before->config || !record.seen.definition);
}

// The present state of the domain; for the running domain, the state when virtpind first touched
// it.
BeforeImage image_of(const DomainRecord& record, const std::string& boot_id)
{
    const auto& seen = record.seen;
    if (record.unsaved && !record.image_stale && (record.before->config || !seen.definition)) {
        return *record.before; // by its own metadata
    }
    BeforeImage image{.uuid = seen.facts.uuid,
                      .name = seen.facts.name,
                      .id = seen.facts.id,
                      .boot_id = boot_id,
                      .live = seen.running_pins(),
                      .config = seen.definition_pins(),
                      .vcpus_max = seen.defined_cpus()
                                       ? std::optional{seen.defined_cpus()->vcpus_max}
                                       : std::nullopt,
                      .parts = parts_of(seen),
                      .written = {}};
    if (!record.before) {
        return image;
    }
    if (seen.definition) {
        image.id = record.before->id;
        image.boot_id = record.before->boot_id;
        image.live = record.before->live;
    } else { // it has lost its definition, which is how this run began if it is a later one
        image.live = record.before->pins_for(seen.facts.id, boot_id);
    }
    return image;
}

} // namespace

BeforeImages::BeforeImages(LibvirtPort& host, std::string boot_id,
                           std::map<DomainUuid, BeforeImage> found, std::string directory)
    : host_{host}
    , boot_id_{std::move(boot_id)}
    , directory_{std::move(directory)}
    , unseen_{std::move(found)}
{
    // A transient domain ends with its boot: there is nothing left to give back.
    std::erase_if(unseen_, [this](const auto& entry) {
        const auto useless = !entry.second.config && entry.second.boot_id != boot_id_;
        if (useless) {
            useless_.insert(entry.first);
        }
        return useless;
    });
}

void BeforeImages::attach(DomainRecord& record, const DomainUuid& uuid)
{
    if (auto image = unseen_.extract(uuid)) {
        record.before = std::move(image.mapped());
        record.unsaved = unsaved_.erase(uuid) != 0;
    }
}

void BeforeImages::detach(DomainRecord& record)
{
    auto image = std::exchange(record.before, std::nullopt);
    if (!image) {
        return;
    }
    if (std::exchange(record.unsaved, false)) { // it is in its metadata, which nobody sees now
        unsaved_.insert(image->uuid);
    }
    unseen_.emplace(image->uuid, std::move(*image));
}

std::string BeforeImages::unseen_problem() const
{
    if (unseen_.size() <= unseen_max) {
        return {};
    }
    return "There are before-images of " + std::to_string(unseen_.size()) +
           " domains that libvirt does not show; remove the files of those that are gone for good "
           "from " +
           directory_ + " (each names its domain) and restart the service";
}

void BeforeImages::take_notes(DomainRecord& record)
{
    auto known = merge_undo(std::exchange(record.before, std::nullopt), record.seen, boot_id_);
    record.before = std::move(known.image);
    if (!known.changed) {
        return;
    }
    record.unsaved = record.before.has_value();
    if (!record.before) {
        useless_.insert(record.seen.facts.uuid);
    }
}

void BeforeImages::forget_gone(const DomainUuid& uuid)
{
    unsaved_.erase(uuid);
    if (unseen_.erase(uuid) > 0) {
        useless_.insert(uuid);
    }
}

void BeforeImages::forget(DomainRecord& record)
{
    if (const auto image = std::exchange(record.before, std::nullopt)) {
        record.unsaved = false;
        useless_.insert(image->uuid);
    }
}

void BeforeImages::forget_former_run(DomainRecord& record, std::optional<int> id)
{
    if (!record.before || record.before->id == id) {
        return;
    }
    if (!record.before->config) {
        forget(record);
    } else if (record.before->live) {
        record.before->forget_run();
        record.unsaved = true;
    }
}

// ---- writing --------------------------------------------------------------------------------

struct BeforeImages::Saving {
    Records& records;
    std::vector<DomainActions> actions;
    Failed failed;
    Saved saved;
};

void BeforeImages::save(Records& records, std::vector<DomainActions> actions, Failed failed,
                        Saved saved)
{
    save_next(std::make_shared<Saving>(
                  Saving{records, std::move(actions), std::move(failed), std::move(saved)}),
              0);
}

void BeforeImages::save_next(const std::shared_ptr<Saving>& saving, std::size_t at)
{
    auto& actions = saving->actions;
    while (at < actions.size() && is_saved(saving->records.at(actions[at].uuid))) {
        ++at;
    }
    if (at == actions.size()) {
        saving->saved(std::move(actions));
        return;
    }
    const auto image = image_of(saving->records.at(actions[at].uuid), boot_id_);
    host_.save_before_image(image, [this, saving, at, image](const Result<void>& written) {
        auto& record = saving->records.at(image.uuid);
        if (written) {
            useless_.erase(image.uuid);
            record.before = image;
            record.unsaved = false;
            record.image_stale = false;
            save_next(saving, at + 1);
            return;
        }
        if (written.error().code == Errc::limits_exceeded && !unseen_.empty()) {
            make_way(saving, at, written.error());
        } else {
            leave_out(saving, at, written.error());
        }
    });
}

// The image of a visible domain is worth more than that of one that is not visible.
void BeforeImages::make_way(const std::shared_ptr<Saving>& saving, std::size_t at, Error full)
{
    std::vector<DomainUuid> unseen;
    for (const auto& [uuid, image] : unseen_) {
        unseen.push_back(uuid);
    }
    host_.forget_oldest_before_image(std::move(unseen), [this, saving, at, full = std::move(full)](
                                                            const Result<DomainUuid>& gone) {
        if (!gone) {
            leave_out(saving, at, full);
            return;
        }
        unsaved_.erase(*gone);
        if (const auto image = unseen_.extract(*gone)) {
            log_warning("dropped the before-image of {} ({}), which libvirt does not show: the "
                        "limit is reached",
                        printable(image.mapped().name), gone->str());
        }
        save_next(saving, at);
    });
}

void BeforeImages::leave_out(const std::shared_ptr<Saving>& saving, std::size_t at, Error why)
{
    auto& record = saving->records.at(saving->actions[at].uuid);
    if (!record.before && why.code != Errc::conflict) {
        useless_.insert(record.seen.facts.uuid); // it may be there, of a domain that is not touched
    }
    auto error = std::move(why).failed_to("save how " + record.seen.facts.name + " was before");
    error.code = Errc::not_persisted;
    saving->failed(record, std::move(error));
    saving->actions.erase(saving->actions.begin() + static_cast<std::ptrdiff_t>(at));
    save_next(saving, at);
}

// ---- removing -------------------------------------------------------------------------------

void BeforeImages::clean_up(const Records& records, std::function<void(const std::string&)> told)
{
    if (useless_.empty()) {
        return;
    }
    const auto images = std::exchange(useless_, {});
    host_.forget_before_images(
        {images.begin(), images.end()},
        [this, &records, images, told = std::move(told)](const Result<void>& removed) {
            if (!removed) {
                for (const auto& uuid : images) {
                    const auto record = records.find(uuid);
                    if (record == records.end() || !record->second.before) { // else written anew
                        useless_.insert(uuid);
                    }
                }
            }
            told(removed ? std::string{}
                         : "Failed to remove before-images that are no longer needed, retrying "
                           "after the next pass: " +
                               removed.error().message);
        });
}

} // namespace virtpind
