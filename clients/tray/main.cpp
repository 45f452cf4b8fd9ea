// SPDX-License-Identifier: LGPL-2.1-or-later
#include "applet.hpp"
#include "common/base/version.hpp"
#include "instance.hpp"
#include "variants.hpp"

#include <xcb/xcb.h>

#include <QApplication>
#include <QCommandLineParser>
#include <QDBusConnection>
#include <QLocale>
#include <QTranslator>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <variant>

namespace {

using namespace virtpind::tray;

struct Arguments {
    bool show_map = false;
    std::chrono::milliseconds tray_patience = std::chrono::seconds{20};
};

enum Status { status_ok = 0, status_failed = 1, status_usage = 2 };

void print(std::FILE* file, const QString& text)
{
    std::fputs(qUtf8Printable(text), file);
}

// A value, or the status to end with.
std::variant<Arguments, Status> parse(const QStringList& words, int& argc, char** argv)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Shows in the tray where virtpind pins the guests, and changes it."));
    const QCommandLineOption help{{QStringLiteral("h"), QStringLiteral("help")},
                                  QStringLiteral("print this and exit")};
    const QCommandLineOption version{QStringLiteral("version"),
                                     QStringLiteral("print the version and exit")};
    const QCommandLineOption map{QStringLiteral("map"), QStringLiteral("show the map at once")};
    const QCommandLineOption wait{
        QStringLiteral("wait-for-tray"),
        QStringLiteral("how long the desktop's tray may take to come, before it is said "
                       "that there is none"),
        QStringLiteral("SECONDS"), QStringLiteral("20")};
    parser.addOption(help);
    parser.addOption(version);
    parser.addOption(map);
    parser.addOption(wait);
    if (!parser.parse(words)) {
        print(stderr, QStringLiteral("virtpind-applet: %1; see virtpind-applet --help\n")
                          .arg(parser.errorText()));
        return status_usage;
    }
    if (parser.isSet(help)) {
        const QCoreApplication named{argc, argv}; // whose name the text has
        print(stdout, parser.helpText());
        return status_ok;
    }
    if (parser.isSet(version)) {
        print(stdout,
              QStringLiteral("virtpind-applet %1\n")
                  .arg(QString::fromUtf8(virtpind::version.data(),
                                         static_cast<qsizetype>(virtpind::version.size()))));
        return status_ok;
    }
    auto is_number = false;
    const auto seconds = parser.value(wait).toUInt(&is_number);
    constexpr uint seconds_max = 3600;
    if (!is_number || seconds > seconds_max || !parser.positionalArguments().isEmpty()) {
        print(stderr,
              parser.positionalArguments().isEmpty()
                  ? QStringLiteral(
                        "virtpind-applet: --wait-for-tray takes 0 to %1 seconds, not '%2'\n")
                        .arg(seconds_max)
                        .arg(parser.value(wait))
                  : QStringLiteral(
                        "virtpind-applet: '%1' was not expected; see virtpind-applet --help\n")
                        .arg(parser.positionalArguments().constFirst()));
        return status_usage;
    }
    return Arguments{parser.isSet(map), std::chrono::seconds{seconds}};
}

bool is_set(const char* name)
{
    return !qEnvironmentVariableIsEmpty(name);
}

// Qt ends a program that finds none by SIGABRT. What is named beside X11 is for Qt to judge.
bool has_display()
{
    if (is_set("QT_QPA_PLATFORM") || is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET")) {
        return true;
    }
    auto* connection = is_set("DISPLAY") ? xcb_connect(nullptr, nullptr) : nullptr;
    const auto answers = connection != nullptr && xcb_connection_has_error(connection) == 0;
    if (connection != nullptr) {
        xcb_disconnect(connection);
    }
    return answers;
}

int run(QApplication& application, const Arguments& arguments)
{
    register_bus_types();
    auto session = QDBusConnection::sessionBus();
    if (!session.isConnected()) {
        print(stderr,
              QStringLiteral("virtpind-applet: the desktop's message bus cannot be reached: %1\n")
                  .arg(session.lastError().message()));
        return status_failed;
    }
    Instance instance{session};
    if (!instance.claim()) {
        if (instance.activate_other()) {
            return status_ok;
        }
        print(stderr,
              QStringLiteral("virtpind-applet: another one is running, and does not answer\n"));
        return status_failed;
    }
    Applet applet{session, arguments.tray_patience};
    QObject::connect(&instance, &Instance::activated, &applet, [&applet] { applet.show_map(); });
    applet.start();
    if (arguments.show_map) {
        applet.show_map();
    }
    return application.exec();
}

} // namespace

int main(int argc, char** argv)
{
    QStringList words;
    for (int i = 0; i < argc; ++i) {
        words << QString::fromLocal8Bit(argv[i]);
    }
    // Before the application, which needs a display.
    const auto parsed = parse(words, argc, argv);
    if (const auto* status = std::get_if<Status>(&parsed)) {
        return *status;
    }
    if (!has_display()) {
        print(stderr, QStringLiteral("virtpind-applet: there is no display: neither "
                                     "WAYLAND_DISPLAY nor DISPLAY names one that answers; start "
                                     "it on a desktop, or use virtpinctl here\n"));
        return status_failed;
    }
    QApplication application{argc, argv};
    QApplication::setQuitOnLastWindowClosed(false);
    QApplication::setOrganizationName(QStringLiteral("virtpind"));
    QApplication::setApplicationName(QStringLiteral("virtpind-applet"));
    QApplication::setDesktopFileName(QStringLiteral("virtpind-applet"));
    QApplication::setWindowIcon(
        QIcon::fromTheme(QStringLiteral("virtpind-applet"), tray_icon_of(Face::good)));
    QTranslator translator;
    if (translator.load(QLocale{}, QStringLiteral("applet"), QStringLiteral("_"),
                        QStringLiteral(":/i18n")) ||
        translator.load(QStringLiteral(":/i18n/applet_en.qm"))) {
        QApplication::installTranslator(&translator);
    }
    return run(application, std::get<Arguments>(parsed));
}
