// SPDX-License-Identifier: LGPL-2.1-or-later
// Menu and map without a screen. The map is drawn at the scale that QT_SCALE_FACTOR names.
#include "clients/tray/map_widget.hpp"
#include "clients/tray/tray_menu.hpp"
#include "tests/support/client_samples.hpp"

#include <QSignalSpy>
#include <QTest>
#include <cmath>

using namespace virtpind;
using namespace virtpind::tray;

namespace {

// Two L3s of eight cores, as the samples have it.
client::Layout sample_layout()
{
    client::Layout layout{.packages = {client::cpus("0-31")},
                          .nodes = {{0, client::cpus("0-31"), 1U << 20U}},
                          .l3s = {{client::cpus("0-7,16-23"), 32U << 20U},
                                  {client::cpus("8-15,24-31"), 96U << 20U, true}}};
    for (std::uint32_t core = 0; core < 16; ++core) {
        layout.cores.push_back({CpuSet{CpuId{core}, CpuId{core + 16}}});
    }
    return layout;
}

client::Snapshot many_guests(unsigned count)
{
    client::Snapshot snapshot{.service = client::sample_service(), .guests = {}};
    snapshot.service.state = "ready";
    for (unsigned number = 0; number < count; ++number) {
        char uuid[37];
        std::snprintf(uuid, sizeof uuid, "11111111-2222-3333-4444-%012u", number);
        snapshot.guests.push_back({.uuid = uuid,
                                   .name = "guest" + std::to_string(1000 + number),
                                   .run_state = number % 2 == 0 ? "shutoff" : "running",
                                   .policy = "none",
                                   .pin_state = "idle",
                                   .satisfied = true});
    }
    return snapshot;
}

QStringList titles(const QMenu& menu)
{
    QStringList texts;
    for (const auto* action : menu.actions()) {
        if (action->isVisible() && !action->isSeparator()) {
            texts << action->text();
        }
    }
    return texts;
}

QPalette palette_of(Theme theme)
{
    QPalette palette;
    palette.setColor(QPalette::Window, theme == Theme::dark ? Qt::black : Qt::white);
    palette.setColor(QPalette::WindowText, theme == Theme::dark ? Qt::white : Qt::black);
    return palette;
}

double luminance(const QColor& colour)
{
    const auto linear = [](double part) {
        return part <= 0.03928 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) +
           0.0722 * linear(colour.blueF());
}

double contrast(const QColor& a, const QColor& b)
{
    const auto [low, high] = std::minmax({luminance(a), luminance(b)});
    return (high + 0.05) / (low + 0.05);
}

} // namespace

class TestTrayWidgets : public QObject {
    Q_OBJECT

private:
    // What stands in the menu, with all that it needs.
    struct Rig {
        TrayModel model;
        ServiceLink link{model};
        Changes changes{model, link};
        TrayMenu menu{model, changes};
    };

private slots:

    void theMenuStaysWhileGuestsChange()
    {
        Rig rig;
        auto snapshot = many_guests(6);
        rig.model.set_snapshot(snapshot, false);
        const auto before = rig.menu.menu().actions();
        snapshot.guests[1].policy = "dedicated";
        rig.model.set_snapshot(snapshot, false);
        QCOMPARE(rig.menu.menu().actions(), before);
        // One that starts moves, and the others stay the same actions.
        auto* third = before[5];
        QVERIFY(third->text().contains(QStringLiteral("guest1005")));
        snapshot.guests[0].run_state = "running";
        rig.model.set_snapshot(snapshot, false);
        const auto after = rig.menu.menu().actions();
        QVERIFY(after.contains(third));
        QVERIFY(after[3]->text().contains(QStringLiteral("guest1000")));
    }

    void manyGuestsRunningFirst()
    {
        Rig rig;
        rig.model.set_snapshot(many_guests(200), false);
        const auto shown = titles(rig.menu.menu());
        QVERIFY(shown[2].contains(QStringLiteral("guest1001")));
        QVERIFY(shown[2 + 11].contains(QStringLiteral("guest1023")));
        const auto* more = rig.menu.menu().actions()[3 + guests_in_menu];
        QVERIFY2(more->text().contains(QStringLiteral("188")), qPrintable(more->text()));
        auto in_parts = 0;
        for (const auto* part : more->menu()->actions()) {
            QVERIFY(part->menu()->actions().size() <= static_cast<qsizetype>(guests_in_part));
            in_parts += static_cast<int>(part->menu()->actions().size());
        }
        QCOMPARE(in_parts, 188);
        // And back to few: nothing of them is left.
        rig.model.set_snapshot(many_guests(2), false);
        QVERIFY(!rig.menu.menu().actions()[3 + 2]->isVisible());
        QCOMPARE(titles(rig.menu.menu()).filter(QStringLiteral("guest1")).size(), 2);
    }

    void withoutAServiceNothingIsOffered()
    {
        Rig rig;
        rig.model.set_snapshot(many_guests(3), false);
        rig.model.set_link(Link::no_service);
        const auto shown = titles(rig.menu.menu()).join(u'\n');
        QVERIFY(!shown.contains(QStringLiteral("guest10")));
        QVERIFY(!shown.contains(QStringLiteral("Pause")));
        QVERIFY(shown.contains(QStringLiteral("not running")));
    }

    void hostileNamesAreText()
    {
        Rig rig;
        auto snapshot = many_guests(2);
        snapshot.guests[1].name = "<b>a</b>&x\u202E" + std::string(10'000, 'y');
        snapshot.service.policies = {"dedi&cated\u2066"};
        rig.model.set_snapshot(snapshot, false);
        const auto* entry = rig.menu.menu().actions()[3];
        QVERIFY(entry->text().contains(QStringLiteral("<b>a</b>\uFF06x\uFFFDy")));
        QVERIFY(entry->text().size() < 120);
        const auto inside = titles(*entry->menu()).join(u'\n');
        QVERIFY(inside.contains(QStringLiteral("dedi\uFF06cated\uFFFD")));
    }

    void isolationIsOfferedWhereTheServiceCan()
    {
        Rig rig;
        auto snapshot = many_guests(2);
        snapshot.guests[1].options["isolate"] = "true";
        rig.model.set_snapshot(snapshot, false);
        const auto find = [&rig] {
            for (auto* action : rig.menu.menu().actions()[3]->menu()->actions()) {
                if (action->text() == QStringLiteral("Keep the host off its CPUs")) {
                    return action;
                }
            }
            return static_cast<QAction*>(nullptr);
        };
        QVERIFY(!find()->isVisible());
        rig.model.set_snapshot(snapshot, true);
        QVERIFY(find()->isVisible());
        QVERIFY(find()->isChecked());
    }

    void aCallWithoutAServiceFailsAloud()
    {
        Rig rig;
        auto snapshot = many_guests(2);
        rig.model.set_snapshot(snapshot, false);
        QSignalSpy failed{&rig.changes, &Changes::failed};
        rig.changes.pause({snapshot.guests[0].uuid, snapshot.guests[1].uuid});
        QTRY_COMPARE(failed.size(), 1); // and the other of the same click is not tried
        QVERIFY(!rig.changes.is_busy(snapshot.guests[1].uuid));
    }

    void cellsHaveTheirGuestsColours_data()
    {
        QTest::addColumn<int>("theme");
        QTest::newRow("light") << static_cast<int>(Theme::light);
        QTest::newRow("dark") << static_cast<int>(Theme::dark);
    }

    void cellsHaveTheirGuestsColours()
    {
        QFETCH(int, theme);
        MapWidget map;
        map.setPalette(palette_of(static_cast<Theme>(theme)));
        map.resize(900, 500);
        const auto layout = sample_layout();
        map.show_host(&layout, client::sample_snapshot());
        const auto picture = map.grab().toImage();
        const auto scale = picture.devicePixelRatio();
        QCOMPARE(scale, qEnvironmentVariable("QT_SCALE_FACTOR", QStringLiteral("1")).toDouble());
        auto guests_seen = 0;
        for (const auto& cell : map.scene().cells) {
            const auto corner = QPointF{cell.rect.x + 4.0, cell.rect.y + 4.0} * scale;
            const auto colour = picture.pixelColor(corner.toPoint());
            if (cell.use == client::SceneCell::Use::guest) {
                ++guests_seen;
                const auto number = map.scene().guests[cell.seats.front().guest].colour;
                QCOMPARE(colour, guest_colour(number, static_cast<Theme>(theme)));
            } else if (cell.use == client::SceneCell::Use::housekeeping) {
                QCOMPARE(colour, map_colours(static_cast<Theme>(theme)).host);
            }
        }
        QVERIFY(guests_seen > 20);
    }

    void textsOnTheMapCanBeRead()
    {
        for (const auto theme : {Theme::light, Theme::dark}) {
            for (std::size_t number = 0; number < 8; ++number) {
                const auto colour = guest_colour(number, theme);
                QVERIFY(contrast(colour, text_on(colour)) >= 4.5);
                QCOMPARE(guest_pattern(number), Qt::NoBrush);
                QVERIFY(guest_pattern(number + 8) != Qt::NoBrush);
            }
            const auto colours = map_colours(theme);
            for (const auto& below : {colours.host, colours.pool, colours.unused}) {
                QVERIFY(contrast(colours.quiet_text, below) >= 4.5);
            }
            QVERIFY(contrast(colours.text, colours.background) >= 4.5);
        }
    }

    void theKeyboardGoesFromCpuToCpu()
    {
        MapWidget map;
        map.resize(900, 500);
        const auto layout = sample_layout();
        map.show_host(&layout, client::sample_snapshot());
        QSignalSpy pointed{&map, &MapWidget::pointed_at};
        QSignalSpy chosen{&map, &MapWidget::chosen};
        QTest::keyClick(&map, Qt::Key_Right);
        QVERIFY(pointed.last().first().toString().contains(QStringLiteral("CPU 1,")));
        QTest::keyClick(&map, Qt::Key_Down);
        QVERIFY(pointed.last().first().toString().contains(QStringLiteral("CPU 17,")));
        QTest::keyClick(&map, Qt::Key_Return);
        QCOMPARE(chosen.size(), 1);
        QCOMPARE(chosen.last().first().value<std::string>(), client::sample_uuid(2));
        QTest::keyClick(&map, Qt::Key_Up);
        QTest::keyClick(&map, Qt::Key_Up);
        QVERIFY(map.accessibleDescription().contains(QStringLiteral("CPU 1,")));
    }

    void aLayoutThatLiesIsDrawn()
    {
        MapWidget map;
        map.resize(300, 200);
        client::Layout odd{
            .packages = {client::cpus("0-3"), client::cpus("0-3")},
            .l3s = {{client::cpus("2-9"), ~0ULL}},
            .cores = {{client::cpus("0-1")}, {client::cpus("1-3")}, {client::cpus("7")}}};
        map.show_host(&odd, client::sample_snapshot());
        QVERIFY(!map.grab().isNull());
        QCOMPARE(map.scene().cells.size(), 5U); // each CPU once
        map.show_host(nullptr, {});
        QTest::keyClick(&map, Qt::Key_Right);
        QVERIFY(!map.grab().isNull());
    }
};

QTEST_MAIN(TestTrayWidgets)
#include "test_tray_widgets.moc"
