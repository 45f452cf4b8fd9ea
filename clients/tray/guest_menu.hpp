// SPDX-License-Identifier: LGPL-2.1-or-later
// The entry of a guest in the menu, and what can be done with it below. It is updated in place, so
// that it stays open under the pointer.
#pragma once

#include "changes.hpp"
#include "tray_model.hpp"

#include <QAction>
#include <QActionGroup>
#include <QMenu>
#include <QObject>
#include <memory>
#include <string>
#include <vector>

namespace virtpind::tray {

class GuestMenu : public QObject {
    Q_OBJECT

public:
    // All outlive it.
    GuestMenu(std::string uuid, TrayModel& model, Changes& changes);

    void update(const client::Guest& guest);

    [[nodiscard]] const std::string& uuid() const { return uuid_; }

    [[nodiscard]] QMenu& menu() { return *menu_; }

signals:
    void why_wanted(const std::string& uuid);
    void reset_wanted(const std::string& uuid); // to be asked about first

private:
    void add_choices();
    void update_policies(const client::Guest& guest);
    void update_choices(const client::Guest& guest);

    std::string uuid_;
    TrayModel& model_;
    Changes& changes_;
    std::unique_ptr<QMenu> menu_;
    QAction* remark_;    // why it is not as asked
    QAction* no_remark_; // the line below
    QAction* below_policies_;
    QActionGroup policies_;
    std::vector<std::string> names_; // of the policies in the menu
    QAction* at_next_start_;
    QAction* isolate_;
    QAction* pause_;
    QAction* reapply_;
    QAction* undo_;
    QAction* reset_;
};

} // namespace virtpind::tray
