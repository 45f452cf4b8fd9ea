// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tray_model.hpp"

#include "clients/view/guest_state.hpp"

#include <algorithm>

namespace virtpind::tray {

namespace {

bool is_running(const client::Guest& guest)
{
    return guest.run_state == "running" || guest.run_state == "paused";
}

bool is_short(const client::Guest& guest)
{
    return is_running(guest) && !client::is_as_asked(guest);
}

bool is_held(const client::Guest& guest)
{
    return is_running(guest) && guest.pin_state == "held";
}

} // namespace

TrayModel::TrayModel(std::chrono::milliseconds patience, QObject* parent) : QObject{parent}
{
    patience_.setSingleShot(true);
    patience_.setInterval(patience);
    connect(&patience_, &QTimer::timeout, this, &TrayModel::on_patience_ended);
}

void TrayModel::set_link(Link link, const QString& why)
{
    if (link == link_ && why == why_) {
        return;
    }
    link_ = link;
    why_ = why;
    if (link != Link::answering) {
        snapshot_ = {};
    }
    emit changed();
    watch_absence();
}

void TrayModel::set_snapshot(client::Snapshot snapshot, bool can_isolate)
{
    link_ = Link::answering;
    why_.clear();
    was_there_ = true;
    snapshot_ = std::move(snapshot);
    can_isolate_ = can_isolate;
    // A guest that is gone takes its hold along.
    std::erase_if(holds_, [this](const auto& hold) { return find_guest(hold.first) == nullptr; });
    emit changed();
    watch_absence();
    if (is_settled()) {
        compare_guests();
    }
}

void TrayModel::set_layout(std::optional<client::Layout> layout)
{
    layout_ = std::move(layout);
    emit changed();
}

void TrayModel::set_hold(const std::string& uuid, std::uint64_t cookie)
{
    holds_[uuid] = cookie;
    emit changed();
}

void TrayModel::forget_hold(const std::string& uuid)
{
    if (holds_.erase(uuid) > 0) {
        emit changed();
    }
}

void TrayModel::lose_holds()
{
    if (holds_.empty()) {
        return;
    }
    for (const auto& [uuid, cookie] : holds_) {
        lost_holds_.insert(uuid);
    }
    holds_.clear();
    emit changed();
}

std::optional<std::uint64_t> TrayModel::hold_of(const std::string& uuid) const
{
    const auto at = holds_.find(uuid);
    return at != holds_.end() ? std::optional{at->second} : std::nullopt;
}

Health TrayModel::health() const
{
    switch (link_) {
    case Link::connecting:
        return Health::connecting;
    case Link::no_bus:
        return Health::no_bus;
    case Link::no_service:
        return Health::no_service;
    case Link::refused:
        return Health::refused;
    case Link::unreadable:
        return Health::unreadable;
    case Link::answering:
        break;
    }
    const auto& state = snapshot_.service.state;
    if (state == "disconnected") {
        return told_absent_ ? Health::libvirt_gone : Health::libvirt_waiting;
    }
    if (state == "starting" || state == "stopping") {
        return state == "starting" ? Health::starting : Health::stopping;
    }
    return count_not_as_asked() > 0 ? Health::not_as_asked
           : count_held() > 0       ? Health::held
                                    : Health::as_asked;
}

bool TrayModel::is_usable() const
{
    return link_ == Link::answering && is_settled();
}

const client::Guest* TrayModel::find_guest(const std::string& uuid) const
{
    const auto& guests = snapshot_.guests;
    const auto at = std::find_if(guests.begin(), guests.end(),
                                 [&uuid](const auto& guest) { return guest.uuid == uuid; });
    return at != guests.end() ? &*at : nullptr;
}

int TrayModel::count_not_as_asked() const
{
    return static_cast<int>(
        std::count_if(snapshot_.guests.begin(), snapshot_.guests.end(), is_short));
}

int TrayModel::count_held() const
{
    return static_cast<int>(
        std::count_if(snapshot_.guests.begin(), snapshot_.guests.end(), is_held));
}

// What it says of guests is of now. A word of a later service counts as ready.
bool TrayModel::is_settled() const
{
    const auto& state = snapshot_.service.state;
    return state != "starting" && state != "stopping" && state != "disconnected";
}

void TrayModel::compare_guests()
{
    std::map<std::string, bool> now;
    std::vector<News> news;
    for (const auto& guest : snapshot_.guests) {
        const auto before = as_asked_.find(guest.uuid);
        if (guest.pin_state == "applying") { // wait for what becomes of it
            if (before != as_asked_.end()) {
                now.insert(*before);
            }
            continue;
        }
        const auto good = !is_short(guest);
        const auto was_good = before == as_asked_.end() || before->second;
        now[guest.uuid] = good;
        if (good != was_good && !first_look_) {
            news.push_back(
                {good ? News::Kind::as_asked_again : News::Kind::not_as_asked, guest.uuid});
        }
        if (lost_holds_.contains(guest.uuid) && is_running(guest) && guest.pin_state != "held") {
            news.push_back({News::Kind::hold_ended, guest.uuid});
        }
    }
    as_asked_ = std::move(now);
    lost_holds_.clear();
    first_look_ = false;
    if (!news.empty()) {
        emit told(news);
    }
}

TrayModel::Absent TrayModel::who_is_absent() const
{
    if (link_ == Link::no_service || link_ == Link::no_bus) {
        // Where there never was one, it is not missed.
        return was_there_ ? Absent::service : Absent::nobody;
    }
    return link_ == Link::answering && snapshot_.service.state == "disconnected" ? Absent::libvirt
                                                                                 : Absent::nobody;
}

void TrayModel::watch_absence()
{
    const auto absent = who_is_absent();
    if (absent == absent_) {
        return;
    }
    if (absent == Absent::nobody && told_absent_) {
        const auto was = absent_;
        absent_ = absent;
        told_absent_ = false;
        emit told(
            {{was == Absent::service ? News::Kind::service_back : News::Kind::libvirt_back, ""}});
        return;
    }
    absent_ = absent;
    told_absent_ = false;
    if (absent == Absent::nobody) {
        patience_.stop();
    } else {
        patience_.start();
    }
}

void TrayModel::on_patience_ended()
{
    told_absent_ = true;
    emit changed();
    emit told(
        {{absent_ == Absent::service ? News::Kind::service_gone : News::Kind::libvirt_gone, ""}});
}

} // namespace virtpind::tray
