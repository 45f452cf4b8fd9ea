// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/tray/shown_text.hpp"
#include "clients/tray/variants.hpp"
#include "clients/tray/words.hpp"
#include "tests/support/client_samples.hpp"

#include <QTest>

using namespace virtpind;
using namespace virtpind::tray;

class TestTrayTexts : public QObject {
    Q_OBJECT

private slots:

    void whatCannotBeSeenIsShown()
    {
        QCOMPARE(shown(QStringLiteral("a\nb\tc\x7f")), QStringLiteral("a\uFFFDb\uFFFDc\uFFFD"));
        // Bidirectional overrides and isolates, zero width, a line separator, a filler.
        QCOMPARE(shown(QStringLiteral("x\u202Egnp.exe")), QStringLiteral("x\uFFFDgnp.exe"));
        QCOMPARE(shown(QStringLiteral("\u2066\u200B\u2028\u3164")),
                 QStringLiteral("\uFFFD\uFFFD\uFFFD\uFFFD"));
    }

    void lettersThatRunToTheLeftAreIsolated()
    {
        QCOMPARE(shown(QStringLiteral("שרת")), QStringLiteral("\u2068שרת\u2069"));
    }

    void longTextsAreCut()
    {
        const auto text = shown(std::string(10'000, 'x'), name_max);
        QCOMPARE(text.size(), name_max);
        QVERIFY(text.endsWith(u'…'));
        QCOMPARE(shown(std::string(48, 'x'), name_max), QString(48, u'x'));
    }

    void marksDoNotPileUp()
    {
        const auto text = shown(QStringLiteral("a") + QString(200, QChar{0x0301}));
        QCOMPARE(text.size(), 4);
    }

    void ampersandsAndMarkupAreText()
    {
        QCOMPARE(menu_text(QStringLiteral("a&b_c")), QStringLiteral("a\uFF06b__c"));
        QCOMPARE(escaped(QStringLiteral("<b>&")), QStringLiteral("&lt;b&gt;&amp;"));
    }

    void propertiesOfOtherTypesAreSkipped()
    {
        const QVariantMap odd{{QStringLiteral("UUID"), 5},
                              {QStringLiteral("Name"), QStringList{QStringLiteral("x")}},
                              {QStringLiteral("Satisfied"), QStringLiteral("yes")},
                              {QStringLiteral("VcpuPins"), QStringLiteral("0-3")},
                              {QStringLiteral("Generation"), -1},
                              {QStringLiteral("Holds"), QVariantMap{}},
                              {QStringLiteral("PolicyOptions"), 3.5},
                              {QStringLiteral("EmulatorCPUs"), QStringLiteral("0-99999999999")}};
        const auto guest = read_guest(odd);
        QCOMPARE(guest, client::Guest{});
        const auto service = read_service({{QStringLiteral("State"), 1},
                                           {QStringLiteral("Policies"), QStringLiteral("none")},
                                           {QStringLiteral("PoolCPUs"), QStringLiteral("x")}});
        QCOMPARE(service, client::Service{});
    }

    void optionsAreRead()
    {
        const auto guest = read_guest(
            {{QStringLiteral("PolicyOptions"),
              QVariantMap{{QStringLiteral("smt"), QStringLiteral("require")},
                          {QStringLiteral("vcpus"), 4U},
                          {QStringLiteral("isolate"), true},
                          {QStringLiteral("tune"),
                           QStringList{QStringLiteral("topoext"), QStringLiteral("invtsc")}}}}});
        QCOMPARE(guest.options.at("smt"), std::string{"require"});
        QCOMPARE(guest.options.at("vcpus"), std::string{"4"});
        QCOMPARE(guest.options.at("isolate"), std::string{"true"});
        QCOMPARE(guest.options.at("tune"), std::string{"topoext,invtsc"});
    }

    void isolatedCpusAreRead()
    {
        const QVariantMap properties{{QStringLiteral("IsolatedCPUs"), QStringLiteral("4-5")}};
        QCOMPARE(read_guest(properties).isolated.str(), std::string{"4-5"});
        QCOMPARE(read_service(properties).isolated.str(), std::string{"4-5"});
    }

    void onlyGuestsWithAUuidAreGuests()
    {
        const auto domain = [](const QString& uuid, const QString& name) {
            return InterfaceMap{{QStringLiteral("org.virtpind1.Domain"),
                                 {{QStringLiteral("UUID"), uuid}, {QStringLiteral("Name"), name}}}};
        };
        const auto uuid = QString::fromStdString(client::sample_uuid(1));
        const ObjectMap objects{
            {QDBusObjectPath{QStringLiteral("/a")}, domain(uuid, QStringLiteral("b"))},
            {QDBusObjectPath{QStringLiteral("/b")}, domain(uuid, QStringLiteral("twice"))},
            {QDBusObjectPath{QStringLiteral("/c")}, domain(QStringLiteral("no"), {})},
            {QDBusObjectPath{QStringLiteral("/d")}, {{QStringLiteral("other"), {}}}}};
        const auto guests = read_guests(objects);
        QCOMPARE(guests.size(), 1U);
        QCOMPARE(guests.front().name, std::string{"b"});
    }

    void tooltipNamesNoGuest()
    {
        TrayModel model;
        auto snapshot = client::sample_snapshot();
        for (auto& guest : snapshot.guests) {
            guest.name = "<b>evil</b>";
        }
        model.set_snapshot(snapshot, false);
        QVERIFY(!Words::health(model).contains(u'<'));
    }

    void everyStateOfAGuestHasWords()
    {
        for (const auto& guest : client::sample_snapshot().guests) {
            QVERIFY(!Words::guest_place(guest).isEmpty());
            QVERIFY(Words::guest_title(guest).contains(QString::fromStdString(guest.name)));
        }
        client::Guest later{.name = "x", .run_state = "running", .pin_state = "a\u202Eword"};
        QVERIFY(!Words::guest_place(later).contains(QChar{0x202E}));
    }

    void reasonsOfAHostileServiceAreCut()
    {
        const WhyRows many(100'000, {QStringLiteral("good"), {}, QString(10'000, u'<')});
        QVERIFY(Words::details(client::sample_snapshot().guests.front(), many).size() < 64 * 600);
    }
};

QTEST_APPLESS_MAIN(TestTrayTexts)
#include "test_tray_texts.moc"
