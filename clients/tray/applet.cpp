// SPDX-License-Identifier: LGPL-2.1-or-later
#include "applet.hpp"

#include "clients/view/doctor_text.hpp"
#include "shown_text.hpp"
#include "words.hpp"

#include <QApplication>
#include <QPushButton>
#include <algorithm>
#include <utility>

namespace virtpind::tray {

namespace {

constexpr int told_apart_max = 3; // guests at a time; of more, one notification tells how many

// Keys of notifications that are not a guest's.
const std::string service_key = "service";
const std::string many_key = "many";
const std::string tray_key = "tray";

QString why_action()
{
    return QStringLiteral("why");
}

QString undo_action()
{
    return QStringLiteral("undo");
}

QString map_action()
{
    return QStringLiteral("default"); // a click on the notification itself
}

QString tells_setting()
{
    return QStringLiteral("tell-when-not-as-asked");
}

QString no_tray_setting()
{
    return QStringLiteral("told-that-there-is-no-tray");
}

} // namespace

Applet::Applet(QDBusConnection session, std::chrono::milliseconds tray_patience)
    : session_{std::move(session)}
    , link_{model_}
    , changes_{model_, link_}
    , menu_{model_, changes_}
    , notifier_{session_}
    , icon_{session_, menu_.menu(), tray_patience}
{
    connect(&model_, &TrayModel::changed, this, &Applet::update_icon);
    connect(&model_, &TrayModel::told, this, &Applet::on_news);
    connect(&changes_, &Changes::failed, this, &Applet::on_failed);
    connect(&notifier_, &Notifier::chosen, this, &Applet::on_chosen);
    connect(&icon_, &TrayIcon::clicked, this, [this] { show_map(); });
    connect(&icon_, &TrayIcon::no_tray, this, &Applet::on_no_tray);
    connect(&icon_, &TrayIcon::shown, this, [this] {
        notice_.clear();
        if (map_) {
            map_->set_notice({});
        }
    });
    connect_menu();
    // The desktop's bus ends with the desktop.
    if (!session_.connect({}, QStringLiteral("/org/freedesktop/DBus/Local"),
                          QStringLiteral("org.freedesktop.DBus.Local"),
                          QStringLiteral("Disconnected"), qApp, SLOT(quit()))) {
        qWarning("virtpind-applet: the end of the desktop is not seen: %s",
                 qPrintable(session_.lastError().message()));
    }
}

Applet::~Applet() = default;

void Applet::connect_menu()
{
    menu_.set_tells(settings_.value(tells_setting(), true).toBool());
    connect(&menu_, &TrayMenu::map_wanted, this, [this] { show_map(); });
    connect(&menu_, &TrayMenu::doctor_wanted, this, &Applet::show_diagnosis);
    connect(&menu_, &TrayMenu::tells_changed, this,
            [this](bool tells) { settings_.setValue(tells_setting(), tells); });
    connect(&menu_, &TrayMenu::quit_wanted, qApp, &QApplication::quit);
    connect(&menu_, &TrayMenu::why_wanted, this, &Applet::show_map);
    connect(&menu_, &TrayMenu::reset_wanted, this, &Applet::ask_to_reset);
}

void Applet::start()
{
    update_icon();
    icon_.look_for_tray();
    link_.open();
}

MapWindow& Applet::map()
{
    if (!map_) {
        map_ = std::make_unique<MapWindow>(model_, link_);
        map_->set_notice(notice_);
    }
    return *map_;
}

TextWindow& Applet::text()
{
    if (!text_) {
        text_ = std::make_unique<TextWindow>();
    }
    return *text_;
}

void Applet::show_map(const std::string& uuid)
{
    map().present(uuid);
}

void Applet::update_icon()
{
    icon_.show(face_of(model_.health()), Words::health(model_));
}

void Applet::on_news(const std::vector<News>& news)
{
    const auto count = [&news](News::Kind kind) {
        return static_cast<int>(std::count_if(
            news.begin(), news.end(), [kind](const News& one) { return one.kind == kind; }));
    };
    const auto tells = settings_.value(tells_setting(), true).toBool();
    for (const auto& one : news) {
        const auto is_wanted = one.kind != News::Kind::not_as_asked || tells;
        if (is_wanted && count(one.kind) <= told_apart_max) {
            tell(one);
        }
    }
    const auto tell_many = [this](const QString& title) {
        notifier_.show(many_key,
                       {.title = title, .body = {}, .actions = {map_action(), tr("Show map")}});
    };
    if (const auto short_now = count(News::Kind::not_as_asked);
        tells && short_now > told_apart_max) {
        tell_many(tr("%n guest(s) are not as asked", nullptr, short_now));
    }
    if (const auto ended = count(News::Kind::hold_ended); ended > told_apart_max) {
        tell_many(tr("%n guest(s) are pinned again, as virtpind was restarted", nullptr, ended));
    }
}

void Applet::tell(const News& news)
{
    const auto& key = news.uuid.empty() ? service_key : news.uuid;
    // What is good again only takes the place of what was bad, where that can still be seen.
    const auto is_good = news.kind == News::Kind::as_asked_again ||
                         news.kind == News::Kind::service_back ||
                         news.kind == News::Kind::libvirt_back;
    if (is_good && !notifier_.is_open(key)) {
        return;
    }
    const auto message = Words::news(news, model_.find_guest(news.uuid));
    QStringList actions;
    if (!news.uuid.empty()) {
        actions << why_action() << tr("Why");
        if (news.kind == News::Kind::not_as_asked && changes_.undo_of(news.uuid)) {
            actions << undo_action() << tr("Undo");
        }
    }
    notifier_.show(key, {.title = message.title,
                         .body = message.body,
                         .actions = actions,
                         .urgency = is_good ? Notifier::Urgency::low : Notifier::Urgency::normal});
}

void Applet::on_chosen(const std::string& key, const QString& action)
{
    if (action == undo_action()) {
        changes_.undo(key);
    } else if (action == why_action()) {
        show_map(key);
    } else if (action == map_action()) {
        show_map();
    }
}

void Applet::on_failed(const std::string& uuid, const QString& name, const QString& text)
{
    const auto* guest = model_.find_guest(uuid);
    const auto title = tr("%1: this did not work")
                           .arg(guest != nullptr ? shown(guest->name, name_max) : tr("A guest"));
    const auto body = Words::call_error(name, text);
    // Who clicked must hear of it, also where nobody shows notifications.
    notifier_.show(uuid, {.title = title, .body = body, .urgency = Notifier::Urgency::normal},
                   [this, title, body] { this->text().present(title, body); });
}

void Applet::on_no_tray()
{
    notice_ = tr(
        "This desktop has no place for tray icons. On GNOME, the extension AppIndicator makes one "
        "(package gnome-shell-extension-appindicator). This map opens whenever virtpind-applet is "
        "started.");
    qWarning("virtpind-applet: no tray: %s", qPrintable(notice_));
    if (map_) {
        map_->set_notice(notice_);
    }
    // At a login nothing appears but the icon; where it cannot, that is told once and not each
    // time.
    if (!settings_.value(no_tray_setting(), false).toBool()) {
        notifier_.show(tray_key, {.title = tr("virtpind has no place for its icon"),
                                  .body = notice_,
                                  .actions = {map_action(), tr("Show map")}});
        settings_.setValue(no_tray_setting(), true);
    }
}

void Applet::show_diagnosis()
{
    link_.doctor([this](const Reply<std::string>& reply) {
        const auto title = tr("Check of the guests");
        if (reply.failed()) {
            text().present(title, Words::call_error(reply.error_name, reply.error_text));
            return;
        }
        const auto diagnosis = client::read_diagnosis(reply.value);
        text().present(title, diagnosis ? Words::diagnosis(*diagnosis)
                                        : tr("The service's answer cannot be read."));
    });
}

void Applet::ask_to_reset(const std::string& uuid)
{
    const auto* guest = model_.find_guest(uuid);
    if (guest == nullptr) {
        return;
    }
    question_ = std::make_unique<QMessageBox>();
    question_->setIcon(QMessageBox::Question);
    question_->setTextFormat(Qt::PlainText);
    question_->setWindowTitle(tr("Take everything back?"));
    question_->setText(
        tr("Take back all that virtpind did to %1?").arg(shown(guest->name, name_max)));
    question_->setInformativeText(
        tr("Its policy is removed, and it gets the pins that it had before virtpind."));
    auto* yes = question_->addButton(tr("Take back"), QMessageBox::AcceptRole);
    question_->setDefaultButton(question_->addButton(QMessageBox::Cancel));
    connect(question_.get(), &QMessageBox::finished, this, [this, uuid, yes] {
        if (question_->clickedButton() == yes) {
            changes_.reset(uuid);
        }
    });
    question_->show();
    question_->raise();
    question_->activateWindow();
}

} // namespace virtpind::tray
