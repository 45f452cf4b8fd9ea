// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_menu.hpp"

#include "shown_text.hpp"
#include "words.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::tray {

namespace {

constexpr std::size_t policies_max = 24; // in a menu; virtpinctl has all

} // namespace

GuestMenu::GuestMenu(std::string uuid, TrayModel& model, Changes& changes)
    : uuid_{std::move(uuid)}
    , model_{model}
    , changes_{changes}
    , menu_{std::make_unique<QMenu>()}
    , remark_{menu_->addAction(QString{})}
    , no_remark_{menu_->addSeparator()}
    , below_policies_{menu_->addSeparator()}
    , policies_{this}
{
    remark_->setEnabled(false);
    policies_.setExclusionPolicy(QActionGroup::ExclusionPolicy::Exclusive);
    connect(&policies_, &QActionGroup::triggered, this, [this](const QAction* action) {
        changes_.choose_policy(uuid_, action->data().toString().toStdString(),
                               at_next_start_->isChecked() ? When::next_start : When::now);
    });
    add_choices();
}

void GuestMenu::add_choices()
{
    at_next_start_ = menu_->addAction(tr("From its next start only"));
    at_next_start_->setCheckable(true);
    isolate_ = menu_->addAction(tr("Keep the host off its CPUs"));
    isolate_->setCheckable(true);
    connect(isolate_, &QAction::triggered, this,
            [this](bool checked) { changes_.set_isolated(uuid_, checked); });
    pause_ = menu_->addAction(tr("Pause pinning while this applet runs"));
    pause_->setCheckable(true);
    connect(pause_, &QAction::triggered, this,
            [this](bool checked) { checked ? changes_.pause({uuid_}) : changes_.resume({uuid_}); });
    menu_->addSeparator();
    connect(menu_->addAction(tr("Why is it here…")), &QAction::triggered, this,
            [this] { emit why_wanted(uuid_); });
    reapply_ = menu_->addAction(tr("Pin again"));
    connect(reapply_, &QAction::triggered, this, [this] { changes_.reapply(uuid_); });
    undo_ = menu_->addAction(tr("Undo"));
    connect(undo_, &QAction::triggered, this, [this] { changes_.undo(uuid_); });
    reset_ = menu_->addAction(tr("Take everything back…"));
    connect(reset_, &QAction::triggered, this, [this] { emit reset_wanted(uuid_); });
}

void GuestMenu::update(const client::Guest& guest)
{
    menu_->menuAction()->setText(menu_text(Words::guest_title(guest)));
    auto remark = Words::shortfall(guest);
    if (remark.isEmpty()) {
        remark = Words::holds(guest).section(u'\n', 0, 0);
    }
    remark_->setText(menu_text(remark));
    remark_->setVisible(!remark.isEmpty());
    no_remark_->setVisible(!remark.isEmpty());
    update_policies(guest);
    update_choices(guest);
}

void GuestMenu::update_policies(const client::Guest& guest)
{
    auto wanted = model_.snapshot().service.policies;
    wanted.resize(std::min(wanted.size(), policies_max));
    if (wanted != names_) { // of another configuration: seldom
        for (auto* action : policies_.actions()) {
            delete action;
        }
        for (const auto& name : wanted) {
            auto* action = new QAction{menu_text(Words::policy(name)), &policies_};
            action->setCheckable(true);
            action->setData(QString::fromStdString(name));
            policies_.addAction(action);
            menu_->insertAction(below_policies_, action);
        }
        names_ = std::move(wanted);
    }
    const auto busy = changes_.is_busy(uuid_);
    const auto policy = QString::fromStdString(guest.policy);
    for (auto* action : policies_.actions()) {
        action->setChecked(action->data().toString() == policy);
        action->setEnabled(!busy);
    }
}

void GuestMenu::update_choices(const client::Guest& guest)
{
    const auto busy = changes_.is_busy(uuid_);
    const auto isolated = guest.options.find("isolate");
    isolate_->setVisible(model_.can_isolate());
    isolate_->setChecked(isolated != guest.options.end() && isolated->second != "false");
    isolate_->setEnabled(!busy);
    pause_->setChecked(model_.hold_of(uuid_).has_value());
    pause_->setEnabled(!busy);
    reapply_->setEnabled(!busy);
    const auto before = changes_.undo_of(uuid_);
    undo_->setVisible(before.has_value());
    undo_->setEnabled(!busy);
    if (before) {
        undo_->setText(menu_text(before->empty()
                                     ? tr("Undo: no policy of its own")
                                     : tr("Undo: back to %1").arg(shown(*before, name_max))));
    }
    reset_->setEnabled(!busy);
}

} // namespace virtpind::tray
