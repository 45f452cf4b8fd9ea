// SPDX-License-Identifier: LGPL-2.1-or-later
// Start and end: no bus, a name that is taken, a bus that dies, replies that outlive the service.
#include "tests/support/bus_test.hpp"

namespace virtpind::bus::test {
namespace {

TEST(BusStart, WithoutABusItSaysSo)
{
    setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
    const Loop loop;
    FakePort port;
    const auto service = Service::create(loop.event, BusKind::session, port, manager_view());
    ASSERT_FALSE(service);
    EXPECT_EQ(service.error().code, Errc::host_unavailable);
    EXPECT_EQ(service.error().message.rfind("failed to connect to the session bus: ", 0), 0U)
        << service.error().message;
}

using BusLifecycle = BusTest;

TEST_F(BusLifecycle, ASecondServiceNamesTheFirst)
{
    FakePort other;
    const auto second = Service::create(loop.event, BusKind::session, other, manager_view());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().message.find("failed to own org.virtpind1 on the session bus: "
                                          "it is owned by :1."),
              std::string::npos)
        << second.error().message;
    EXPECT_TRUE(alive());
}

TEST_F(BusLifecycle, TheEndOfTheBusEndsTheLoopWithAnError)
{
    ASSERT_TRUE(alive());
    client->leave();
    bus.end();
    EXPECT_LT(sd_event_loop(loop.event), 0);
}

TEST_F(BusLifecycle, PublishingAfterTheEndOfTheBusIsHarmless)
{
    client->leave();
    bus.end();
    auto changed = web1_view();
    changed.generation = 99;
    for (int i = 0; i < 3; ++i) {
        ++changed.generation;
        service->publish(manager_view(), {changed});
        service->applied(changed.uuid, changed.generation, "pinned", {});
    }
    service->publish(manager_view(), {});
    EXPECT_LT(sd_event_loop(loop.event), 0);
}

// What still waits when its object ends is told so at once; the daemon's answer comes too late.
class BusOpenCalls : public BusTest {
protected:
    BusOpenCalls()
    {
        port.keep_replies = true;
        pending = client->send(web1_path, domain, "Reapply", "t", std::uint64_t{0});
    }

    void expect_unknown_outcome()
    {
        ASSERT_TRUE(loop.run_until([&] { return pending->message != nullptr; }));
        EXPECT_EQ(pending->error, "org.freedesktop.DBus.Error.NoReply");
        EXPECT_NE(pending->text.find("before the outcome was known"), std::string::npos);
    }

    std::shared_ptr<CallReply> pending;
};

TEST_F(BusOpenCalls, EndWithTheService)
{
    ASSERT_TRUE(loop.run_until([&] { return port.kept.size() == 1; }));
    service.reset();
    expect_unknown_outcome();
    port.kept.front()(std::uint64_t{5});
}

TEST_F(BusOpenCalls, EndWithTheirDomain)
{
    ASSERT_TRUE(loop.run_until([&] { return port.kept.size() == 1; }));
    service->publish(manager_view(), {});
    expect_unknown_outcome();
    port.kept.front()(std::uint64_t{5});
    service->publish(manager_view(), {web1_view()}); // the same domain, defined again
    port.keep_replies = false;
    EXPECT_EQ(client->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).number_result(),
              42U);
}

TEST_F(BusOpenCalls, AreAnsweredOnce)
{
    ASSERT_TRUE(loop.run_until([&] { return port.kept.size() == 1; }));
    port.kept.front()(std::uint64_t{5});
    port.kept.front()(std::uint64_t{6});
    ASSERT_TRUE(loop.run_until([&] { return pending->message != nullptr; }));
    EXPECT_EQ(pending->number_result(), 5U);
    service.reset();
}

TEST_F(BusLifecycle, NothingWaitsForAStoppedBusAndTheServiceMayEndMeanwhile)
{
    client->send(web1_path, domain, "Reapply", "t", std::uint64_t{0});
    ASSERT_TRUE(client->sees("org.virtpind1"));
    ASSERT_TRUE(client->sees("org.virtpind1"));
    bus.pause();
    while (sd_event_run(loop.event, 0) > 0) { // the call is taken, its caller is being looked up
    }
    EXPECT_TRUE(port.calls.empty());
    service.reset();
    bus.resume();
    EXPECT_TRUE(client->sees(client->name()));
    EXPECT_TRUE(port.calls.empty());
}

} // namespace
} // namespace virtpind::bus::test
