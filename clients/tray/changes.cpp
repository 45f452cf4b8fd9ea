// SPDX-License-Identifier: LGPL-2.1-or-later
#include "changes.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::tray {

Changes::Changes(TrayModel& model, ServiceLink& link, QObject* parent)
    : QObject{parent}, model_{model}, link_{link}
{
    // Generations start again with the service: what was remembered of them is worth nothing then.
    connect(&model_, &TrayModel::changed, this, [this] {
        if (!model_.is_usable()) {
            undos_.clear();
        }
        if (model_.health() == Health::no_bus) { // nor do replies come from there
            jobs_.clear();
        }
    });
}

void Changes::choose_policy(const std::string& uuid, const std::string& policy, When when)
{
    set(uuid, {.policy = policy, .options = {}, .merge = true, .defer = when == When::next_start});
}

// Unchecked is an order, too, over what the configuration says.
void Changes::set_isolated(const std::string& uuid, bool isolated)
{
    set(uuid, {.policy = "", .options = {{"isolate", isolated ? "true" : "false"}}});
}

void Changes::set(const std::string& uuid, const PolicyCall& call)
{
    add(uuid, ++clicks_, [this, uuid, call] {
        link_.explain(uuid, [this, uuid, call](const Reply<std::string>& reply) {
            const auto known = client::read_explanation(reply.value);
            std::optional<Undo> before;
            if (!reply.failed() && known) {
                before = Undo{known->stored, 0};
            }
            set_knowing(uuid, call, before);
        });
    });
}

void Changes::set_knowing(const std::string& uuid, const PolicyCall& call,
                          std::optional<Undo> undo_afterwards)
{
    link_.set_policy(
        uuid, call,
        [this, uuid, undo = std::move(undo_afterwards)](const Reply<std::uint64_t>& reply) {
            undos_.erase(uuid);
            if (undo && !reply.failed()) {
                undos_[uuid] = {undo->before, reply.value};
            }
            end(reply);
        });
}

void Changes::undo(const std::string& uuid)
{
    if (!undo_of(uuid)) {
        return;
    }
    const auto last = undos_.at(uuid);
    add(uuid, ++clicks_, [this, uuid, last] {
        if (!last.before) {
            link_.reset_policy(uuid, [this, uuid](const Reply<Nothing>& reply) {
                undos_.erase(uuid);
                end(reply);
            });
            return;
        }
        set_knowing(uuid,
                    {.policy = last.before->policy,
                     .options = last.before->options,
                     .merge = false,
                     .expected_generation = last.generation},
                    std::nullopt);
    });
}

void Changes::reset(const std::string& uuid)
{
    add(uuid, ++clicks_, [this, uuid] {
        link_.reset_policy(uuid, [this, uuid](const Reply<Nothing>& reply) {
            undos_.erase(uuid);
            end(reply);
        });
    });
}

void Changes::reapply(const std::string& uuid)
{
    add(uuid, ++clicks_,
        [this, uuid] { link_.reapply(uuid, [this](const Reply<Nothing>& reply) { end(reply); }); });
}

void Changes::pause(const std::vector<std::string>& uuids)
{
    const auto click = ++clicks_;
    for (const auto& uuid : uuids) {
        add(uuid, click, [this, uuid] {
            // The reason is read by others, in programs without our translations.
            link_.hold(uuid, QStringLiteral("paused in virtpind-applet"),
                       [this, uuid](const Reply<std::uint64_t>& reply) {
                           if (!reply.failed()) {
                               model_.set_hold(uuid, reply.value);
                           }
                           end(reply);
                       });
        });
    }
}

void Changes::resume(const std::vector<std::string>& uuids)
{
    const auto click = ++clicks_;
    for (const auto& uuid : uuids) {
        add(uuid, click, [this, uuid] {
            const auto cookie = model_.hold_of(uuid);
            if (!cookie) {
                end(Reply<Nothing>{});
                return;
            }
            link_.release(*cookie, [this, uuid](const Reply<Nothing>& reply) {
                model_.forget_hold(uuid);
                end(reply);
            });
        });
    }
}

bool Changes::is_busy(const std::string& uuid) const
{
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [&uuid](const Job& job) { return job.uuid == uuid; });
}

std::optional<std::string> Changes::undo_of(const std::string& uuid) const
{
    const auto at = undos_.find(uuid);
    const auto* guest = model_.find_guest(uuid);
    if (at == undos_.end() || guest == nullptr || guest->generation > at->second.generation) {
        return std::nullopt;
    }
    return at->second.before ? at->second.before->policy : "";
}

void Changes::add(const std::string& uuid, std::uint64_t click, std::function<void()> begin)
{
    jobs_.push_back({++jobs_made_, uuid, click, std::move(begin)});
    emit changed();
    if (jobs_.size() == 1) {
        begin_next();
    }
}

void Changes::begin_next()
{
    if (!jobs_.empty()) {
        under_way_ = jobs_.front().number;
        const auto begin = jobs_.front().begin; // the job may end within
        begin();
    }
}

template <class T>
void Changes::end(const Reply<T>& reply)
{
    if (jobs_.empty() || jobs_.front().number != under_way_) { // of a bus that is gone
        return;
    }
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    if (reply.failed()) {
        std::erase_if(jobs_, [&job](const Job& other) { return other.click == job.click; });
        emit failed(job.uuid, reply.error_name, reply.error_text);
    }
    link_.refresh(); // radios and checkboxes show what is, not what was clicked
    emit changed();
    begin_next();
}

} // namespace virtpind::tray
