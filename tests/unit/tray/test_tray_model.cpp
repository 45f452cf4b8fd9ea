// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/tray/tray_model.hpp"
#include "tests/support/client_samples.hpp"

#include <QSignalSpy>
#include <QTest>

using namespace virtpind;
using namespace virtpind::tray;

namespace {

constexpr std::chrono::milliseconds patience{30};

client::Guest guest(unsigned number, bool satisfied, const char* pin_state = "pinned")
{
    return {.uuid = client::sample_uuid(number),
            .name = "guest" + std::to_string(number),
            .run_state = "running",
            .policy = "dedicated",
            .pin_state = pin_state,
            .satisfied = satisfied};
}

client::Snapshot ready(std::vector<client::Guest> guests)
{
    client::Snapshot snapshot{.service = client::sample_service(), .guests = std::move(guests)};
    snapshot.service.state = "ready";
    return snapshot;
}

client::Snapshot in_state(const char* state)
{
    client::Snapshot snapshot{.service = client::sample_service(), .guests = {}};
    snapshot.service.state = state;
    return snapshot;
}

} // namespace

class TestTrayModel : public QObject {
    Q_OBJECT

private:
    TrayModel model_{patience};
    std::vector<News> told_;

    bool has_told(News::Kind kind, unsigned number) const
    {
        return std::find(told_.begin(), told_.end(), News{kind, client::sample_uuid(number)}) !=
               told_.end();
    }

    bool has_told(News::Kind kind) const
    {
        return std::find(told_.begin(), told_.end(), News{kind, ""}) != told_.end();
    }

private slots:

    void init()
    {
        std::destroy_at(&model_);
        std::construct_at(&model_, patience);
        told_.clear();
        connect(&model_, &TrayModel::told, this, [this](const std::vector<News>& news) {
            told_.insert(told_.end(), news.begin(), news.end());
        });
    }

    void tellsNothingAtTheFirstLook()
    {
        model_.set_snapshot(ready({guest(1, false), guest(2, true)}), false);
        QCOMPARE(model_.health(), Health::not_as_asked);
        QVERIFY(told_.empty());
    }

    void tellsTransitionsOnce()
    {
        model_.set_snapshot(ready({guest(1, true)}), false);
        model_.set_snapshot(ready({guest(1, false)}), false);
        model_.set_snapshot(ready({guest(1, false)}), false);
        QCOMPARE(told_.size(), 1U);
        QVERIFY(has_told(News::Kind::not_as_asked, 1));
        model_.set_snapshot(ready({guest(1, true)}), false);
        QCOMPARE(told_.size(), 2U);
        QVERIFY(has_told(News::Kind::as_asked_again, 1));
    }

    void aGuestThatAppearsShortIsNews()
    {
        model_.set_snapshot(ready({}), false);
        model_.set_snapshot(ready({guest(1, false)}), false);
        QVERIFY(has_told(News::Kind::not_as_asked, 1));
    }

    void waitsForWhatBecomesOfAChange()
    {
        model_.set_snapshot(ready({guest(1, true)}), false);
        model_.set_snapshot(ready({guest(1, false, "applying")}), false);
        QVERIFY(told_.empty());
        model_.set_snapshot(ready({guest(1, true)}), false);
        QVERIFY(told_.empty());
    }

    void guestsThatAreOffAreNotShort()
    {
        auto off = guest(1, false);
        off.run_state = "shutoff";
        model_.set_snapshot(ready({off}), false);
        QCOMPARE(model_.health(), Health::as_asked);
    }

    void manyTransitionsAreToldTogether()
    {
        QSignalSpy spy{&model_, &TrayModel::told};
        model_.set_snapshot(ready({guest(1, true), guest(2, true), guest(3, true)}), false);
        model_.set_snapshot(ready({guest(1, false), guest(2, false), guest(3, false)}), false);
        QCOMPARE(spy.size(), 1);
        QCOMPARE(told_.size(), 3U);
    }

    void aRestartTellsOnlyWhatChanged()
    {
        model_.set_snapshot(ready({guest(1, true), guest(2, false)}), false);
        model_.set_link(Link::no_service);
        model_.set_link(Link::connecting);
        model_.set_snapshot(in_state("starting"), false);
        QCOMPARE(model_.health(), Health::starting);
        model_.set_snapshot(ready({guest(1, false), guest(2, false)}), false);
        QCOMPARE(told_.size(), 1U);
        QVERIFY(has_told(News::Kind::not_as_asked, 1));
    }

    void libvirtIsGoneOnlyAfterAWhile()
    {
        model_.set_snapshot(ready({}), false);
        model_.set_snapshot(in_state("disconnected"), false);
        QCOMPARE(model_.health(), Health::libvirt_waiting);
        QVERIFY(!model_.is_usable());
        QVERIFY(told_.empty());
        QTRY_COMPARE(model_.health(), Health::libvirt_gone);
        QVERIFY(has_told(News::Kind::libvirt_gone));
        model_.set_snapshot(ready({}), false);
        QVERIFY(has_told(News::Kind::libvirt_back));
        QCOMPARE(model_.health(), Health::as_asked);
    }

    void aShortAbsenceIsNoNews()
    {
        TrayModel patient{std::chrono::hours{1}};
        QSignalSpy spy{&patient, &TrayModel::told};
        patient.set_snapshot(ready({}), false);
        patient.set_snapshot(in_state("disconnected"), false);
        patient.set_link(Link::no_service);
        patient.set_link(Link::connecting);
        patient.set_snapshot(ready({}), false);
        QCOMPARE(spy.size(), 0);
    }

    void aServiceThatNeverWasIsNotMissed()
    {
        TrayModel other{patience}; // whose service is missed after the same time
        QSignalSpy missed{&other, &TrayModel::told};
        other.set_snapshot(ready({}), false);
        model_.set_link(Link::no_service);
        other.set_link(Link::no_service);
        QCOMPARE(model_.health(), Health::no_service);
        QTRY_COMPARE(missed.size(), 1);
        QVERIFY(told_.empty());
    }

    void aServiceThatWasIsMissed()
    {
        model_.set_snapshot(ready({guest(1, true)}), false);
        model_.set_link(Link::no_service);
        QVERIFY(model_.snapshot().guests.empty());
        QTRY_VERIFY(has_told(News::Kind::service_gone));
        model_.set_snapshot(ready({guest(1, true)}), false);
        QVERIFY(has_told(News::Kind::service_back));
    }

    void holdsEndWithTheService()
    {
        model_.set_snapshot(ready({guest(1, true, "held")}), false);
        model_.set_hold(client::sample_uuid(1), 7);
        QCOMPARE(model_.hold_of(client::sample_uuid(1)), std::optional<std::uint64_t>{7});
        QCOMPARE(model_.health(), Health::held);
        model_.lose_holds();
        model_.set_link(Link::no_service);
        QVERIFY(model_.holds().empty());
        model_.set_snapshot(ready({guest(1, true)}), false);
        QVERIFY(has_told(News::Kind::hold_ended, 1));
    }

    void aGuestThatIsGoneTakesItsHoldAlong()
    {
        model_.set_snapshot(ready({guest(1, true)}), false);
        model_.set_hold(client::sample_uuid(1), 7);
        model_.set_snapshot(ready({}), false);
        QVERIFY(model_.holds().empty());
    }

    void tellsLinksApart()
    {
        QCOMPARE(model_.health(), Health::connecting);
        model_.set_link(Link::no_bus, QStringLiteral("no route"));
        QCOMPARE(model_.health(), Health::no_bus);
        QCOMPARE(model_.why(), QStringLiteral("no route"));
        model_.set_link(Link::refused);
        QCOMPARE(model_.health(), Health::refused);
        model_.set_link(Link::unreadable);
        QCOMPARE(model_.health(), Health::unreadable);
        model_.set_snapshot(in_state("stopping"), false);
        QCOMPARE(model_.health(), Health::stopping);
        model_.set_snapshot(in_state("a word of a later service"), false);
        QCOMPARE(model_.health(), Health::as_asked);
        QVERIFY(model_.is_usable());
    }
};

QTEST_GUILESS_MAIN(TestTrayModel)
#include "test_tray_model.moc"
