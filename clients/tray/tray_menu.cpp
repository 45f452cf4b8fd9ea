// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tray_menu.hpp"

#include "shown_text.hpp"
#include "words.hpp"

#include <algorithm>
#include <set>

namespace virtpind::tray {

namespace {

bool is_off(const client::Guest& guest)
{
    return guest.run_state == "shutoff";
}

std::vector<std::string> running_guests(const TrayModel& model)
{
    std::vector<std::string> uuids;
    for (const auto& guest : model.snapshot().guests) {
        if (guest.run_state == "running" || guest.run_state == "paused") {
            uuids.push_back(guest.uuid);
        }
    }
    return uuids;
}

// Makes the entries of a menu from `first` up to `end` those that are wanted. What stays is not
// touched, so that it stays open.
void put_entries(QMenu& menu, qsizetype first, QAction* end, const QList<QAction*>& wanted)
{
    const auto before = menu.actions();
    for (auto i = first; i < before.size() && before[i] != end; ++i) {
        if (!wanted.contains(before[i])) {
            menu.removeAction(before[i]);
        }
    }
    for (qsizetype i = 0; i < wanted.size(); ++i) {
        const auto now = menu.actions();
        auto* there = first + i < now.size() ? now[first + i] : nullptr;
        if (there != wanted[i]) {
            menu.insertAction(there, wanted[i]);
        }
    }
}

} // namespace

TrayMenu::TrayMenu(TrayModel& model, Changes& changes)
    : model_{model}
    , changes_{changes}
    , host_{menu_.addAction(QString{})}
    , health_{menu_.addAction(QString{})}
    , below_guests_{(menu_.addSeparator(), menu_.addSeparator())}
{
    host_->setEnabled(false);
    health_->setEnabled(false);
    menu_.insertMenu(below_guests_, &more_);
    add_choices();
    connect(&model_, &TrayModel::changed, this, &TrayMenu::update);
    connect(&changes_, &Changes::changed, this, &TrayMenu::update);
    update();
}

TrayMenu::~TrayMenu() = default;

void TrayMenu::add_choices()
{
    connect(menu_.addAction(tr("Show map…")), &QAction::triggered, this, &TrayMenu::map_wanted);
    doctor_ = menu_.addAction(tr("Check the guests…"));
    connect(doctor_, &QAction::triggered, this, &TrayMenu::doctor_wanted);
    pause_all_ = menu_.addAction(tr("Pause pinning of all running guests"));
    pause_all_->setCheckable(true);
    connect(pause_all_, &QAction::triggered, this, [this](bool checked) {
        std::vector<std::string> uuids;
        for (const auto& uuid : running_guests(model_)) {
            if (checked != model_.hold_of(uuid).has_value()) {
                uuids.push_back(uuid);
            }
        }
        checked ? changes_.pause(uuids) : changes_.resume(uuids);
    });
    tells_ = menu_.addAction(tr("Tell me when a guest is not as asked"));
    tells_->setCheckable(true);
    connect(tells_, &QAction::triggered, this, &TrayMenu::tells_changed);
    menu_.addSeparator();
    connect(menu_.addAction(tr("Quit")), &QAction::triggered, this, &TrayMenu::quit_wanted);
}

void TrayMenu::update()
{
    const auto usable = model_.is_usable();
    host_->setVisible(usable);
    if (usable) {
        host_->setText(menu_text(Words::host(model_)));
    }
    health_->setText(menu_text(Words::health_at_length(model_)));
    doctor_->setVisible(usable);
    pause_all_->setVisible(usable);
    update_guests();
    update_pause();
}

void TrayMenu::update_pause()
{
    const auto running = running_guests(model_);
    const auto paused = std::count_if(running.begin(), running.end(), [this](const auto& uuid) {
        return model_.hold_of(uuid).has_value();
    });
    pause_all_->setChecked(!running.empty() && paused == std::ssize(running));
    pause_all_->setEnabled(!running.empty());
}

// Running ones first; among equals, the snapshot's order, by name.
std::vector<const client::Guest*> TrayMenu::sorted_guests() const
{
    std::vector<const client::Guest*> guests;
    if (!model_.is_usable()) {
        return guests;
    }
    for (const auto& guest : model_.snapshot().guests) {
        guests.push_back(&guest);
    }
    std::stable_partition(guests.begin(), guests.end(),
                          [](const auto* guest) { return !is_off(*guest); });
    return guests;
}

GuestMenu& TrayMenu::guest_menu(const client::Guest& guest)
{
    auto& entry = guests_[guest.uuid];
    if (!entry) {
        entry = std::make_unique<GuestMenu>(guest.uuid, model_, changes_);
        connect(entry.get(), &GuestMenu::why_wanted, this, &TrayMenu::why_wanted);
        connect(entry.get(), &GuestMenu::reset_wanted, this, &TrayMenu::reset_wanted);
    }
    return *entry;
}

void TrayMenu::update_guests()
{
    const auto guests = sorted_guests();
    std::vector<std::string> order;
    for (const auto* guest : guests) {
        guest_menu(*guest).update(*guest);
        order.push_back(guest->uuid);
    }
    if (order == order_) {
        return; // nothing moves under the pointer
    }
    place(guests);
    const std::set<std::string> there{order.begin(), order.end()};
    std::erase_if(guests_, [&there](const auto& guest) { return !there.contains(guest.first); });
    order_ = std::move(order);
}

// Puts the entries where they belong: into this menu, or into a part of "More".
void TrayMenu::place(const std::vector<const client::Guest*>& guests)
{
    const auto entries = [&](std::size_t first, std::size_t count) {
        QList<QAction*> wanted;
        for (auto i = first; i < std::min(first + count, guests.size()); ++i) {
            wanted << guest_menu(*guests[i]).menu().menuAction();
        }
        return wanted;
    };
    constexpr qsizetype above_guests = 3; // host, health, a line
    put_entries(menu_, above_guests, more_.menuAction(), entries(0, guests_in_menu));
    const auto shown_here = std::min(guests.size(), guests_in_menu);
    std::size_t used = 0;
    for (auto first = shown_here; first < guests.size(); first += guests_in_part, ++used) {
        if (used == parts_.size()) {
            more_.addMenu(parts_.emplace_back(std::make_unique<QMenu>()).get());
        }
        auto& part = *parts_[used];
        const auto last = std::min(first + guests_in_part, guests.size()) - 1;
        part.setTitle(menu_text(shown(guests[first]->name, name_max) + QStringLiteral(" – ") +
                                shown(guests[last]->name, name_max)));
        put_entries(part, 0, nullptr, entries(first, guests_in_part));
    }
    parts_.resize(used);
    more_.setTitle(tr("More (%n guest(s))", nullptr, static_cast<int>(guests.size() - shown_here)));
    more_.menuAction()->setVisible(guests.size() > shown_here);
}

} // namespace virtpind::tray
