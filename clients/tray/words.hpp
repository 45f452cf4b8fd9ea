// SPDX-License-Identifier: LGPL-2.1-or-later
// Every sentence of the applet, translated; the service's own sentences stay in its language. What
// they name is made fit for the desktop (shown_text.hpp). Pure, but for the translators that the
// application has installed.
#pragma once

#include "clients/view/doctor_text.hpp"
#include "clients/view/facts.hpp"
#include "clients/view/layout.hpp"
#include "clients/view/map_scene.hpp"
#include "tray_model.hpp"
#include "variants.hpp"

#include <QCoreApplication>
#include <QString>

namespace virtpind::tray {

class Words {
    Q_DECLARE_TR_FUNCTIONS(virtpind::tray::Words)

public:
    // "2 guests are not as asked": the tooltip, which some panels take for markup, so that it names
    // no guest.
    [[nodiscard]] static QString health(const TrayModel& model);
    // The same with the error's text, for a menu.
    [[nodiscard]] static QString health_at_length(const TrayModel& model);
    // "16 cores, 2 L3s · host 0,16 · pool 1-6,17-22".
    [[nodiscard]] static QString host(const TrayModel& model);

    // "● win11   12 vCPUs on 1-6,17-22".
    [[nodiscard]] static QString guest_title(const client::Guest& guest);
    // "12 vCPUs on 1-6,17-22", "dedicated, floats", "off".
    [[nodiscard]] static QString guest_place(const client::Guest& guest);
    // Why a guest is not as asked; empty where it is, or the service does not tell.
    [[nodiscard]] static QString shortfall(const client::Guest& guest);
    // "paused by render (backup)": a hold that is not this applet's.
    [[nodiscard]] static QString holds(const client::Guest& guest);
    [[nodiscard]] static QString policy(const std::string& name);

    // What the map says: frames, cells, and a guest at length.
    [[nodiscard]] static QString frame(const client::SceneFrame& frame);
    [[nodiscard]] static QString cell(const client::SceneCell& cell, const client::MapScene& scene,
                                      const client::Snapshot& snapshot);
    [[nodiscard]] static QString details(const client::Guest& guest, const WhyRows& reasons);

    // Title and body of a notification.
    struct Message {
        QString title;
        QString body;
    };

    // `guest` may be nullptr.
    [[nodiscard]] static Message news(const News& news, const client::Guest* guest);

    // What the doctor found.
    [[nodiscard]] static QString diagnosis(const client::Diagnosis& diagnosis);

    // Of an error reply: what to do about it, where that is known, else the service's text.
    [[nodiscard]] static QString call_error(const QString& name, const QString& text);
};

} // namespace virtpind::tray
