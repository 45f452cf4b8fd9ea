// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may call what: an ordinary user on the same bus is refused every change.
#include "dbus/authorizer.hpp"
#include "dbus/call_slots.hpp"
#include "tests/support/bus_test.hpp"

#include <future>
#include <set>

namespace virtpind::bus::test {
namespace {

constexpr uid_t nobody = 65534;
constexpr const char* denied = "org.freedesktop.DBus.Error.AccessDenied";
constexpr const char* limits = "org.freedesktop.DBus.Error.LimitsExceeded";

class BusAuthorization : public BusTest {
protected:
    void SetUp() override
    {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root to connect as another user: sudo meson test -C BUILD "
                            "test_bus_authorization";
        }
    }
};

// A well-formed call of each method of the access table.
std::map<std::string, std::function<CallReply(Client&)>> well_formed_calls()
{
    constexpr std::uint64_t none = 0;
    return {
        {"org.virtpind1.Manager.GetDomain",
         [](Client& c) { return c.call(manager_path, manager, "GetDomain", "s", "web1"); }},
        {"org.virtpind1.Manager.ListDomains",
         [](Client& c) { return c.call(manager_path, manager, "ListDomains", ""); }},
        {"org.virtpind1.Manager.List",
         [](Client& c) { return c.call(manager_path, manager, "List", ""); }},
        {"org.virtpind1.Manager.Set",
         [](Client& c) { return c.call(manager_path, manager, "Set", "ss", "web1", "none"); }},
        {"org.virtpind1.Domain.Set",
         [](Client& c) { return c.call(web1_path, domain, "Set", "s", "none"); }},
        {"org.virtpind1.Manager.SetPolicy",
         [](Client& c) {
             return c.call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1", "none", 0, none);
         }},
        {"org.virtpind1.Manager.ResetPolicy",
         [](Client& c) {
             return c.call(manager_path, manager, "ResetPolicy", "st", "web1", none);
         }},
        {"org.virtpind1.Manager.Reapply",
         [](Client& c) { return c.call(manager_path, manager, "Reapply", "st", "", none); }},
        {"org.virtpind1.Manager.Plan",
         [](Client& c) {
             return c.call(manager_path, manager, "Plan", "ssa{sv}", "web1", "x", 0);
         }},
        {"org.virtpind1.Manager.PlanXML",
         [](Client& c) {
             return c.call(manager_path, manager, "PlanXML", "ssa{sv}", "<domain/>", "x", 0);
         }},
        {"org.virtpind1.Manager.Doctor",
         [](Client& c) { return c.call(manager_path, manager, "Doctor", "s", "web1"); }},
        {"org.virtpind1.Manager.Why",
         [](Client& c) { return c.call(manager_path, manager, "Why", "s", "web1"); }},
        {"org.virtpind1.Manager.Hold",
         [](Client& c) { return c.call(manager_path, manager, "Hold", "ss", "web1", "x"); }},
        {"org.virtpind1.Manager.Release",
         [](Client& c) { return c.call(manager_path, manager, "Release", "t", std::uint64_t{7}); }},
        {"org.virtpind1.Manager.Reload",
         [](Client& c) { return c.call(manager_path, manager, "Reload", "t", none); }},
        {"org.virtpind1.Manager.Describe",
         [](Client& c) { return c.call(manager_path, manager, "Describe", ""); }},
        {"org.virtpind1.Manager.ExportTopology",
         [](Client& c) { return c.call(manager_path, manager, "ExportTopology", "t", none); }},
        {"org.virtpind1.Domain.SetPolicy",
         [](Client& c) {
             return c.call(web1_path, domain, "SetPolicy", "sa{sv}t", "none", 0, none);
         }},
        {"org.virtpind1.Domain.ResetPolicy",
         [](Client& c) { return c.call(web1_path, domain, "ResetPolicy", "t", none); }},
        {"org.virtpind1.Domain.Reapply",
         [](Client& c) { return c.call(web1_path, domain, "Reapply", "t", none); }},
        {"org.virtpind1.Domain.Explain",
         [](Client& c) { return c.call(web1_path, domain, "Explain", ""); }},
    };
}

TEST_F(BusAuthorization, AnOrdinaryUserReadsAndIsRefusedEveryChange)
{
    Client user{loop, bus.address(), nobody};
    const auto calls = well_formed_calls();
    for (const auto& [method, access, types, names] : access_table()) {
        const auto reply = calls.at(std::string{method})(user);
        if (access == Access::set_policy) {
            EXPECT_EQ(reply.error, denied) << method;
            EXPECT_NE(reply.text.find("user 65534 may not call"), std::string::npos) << reply.text;
            EXPECT_NE(reply.text.find("sudo"), std::string::npos) << reply.text;
        } else {
            EXPECT_NE(reply.error, denied) << method;
        }
    }
    EXPECT_TRUE(port.requests.empty());
    EXPECT_TRUE(port.calls.empty());
}

TEST_F(BusAuthorization, TheRefusalSaysWhatItWasAbout)
{
    Client user{loop, bus.address(), nobody};
    const auto reply = user.call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1", "none", 0,
                                 std::uint64_t{0});
    EXPECT_NE(
        reply.text.find("org.virtpind1.Manager.SetPolicy (domain \"web1\", policy \"none\", uuid"),
        std::string::npos)
        << reply.text;
}

TEST_F(BusAuthorization, RootMayCallEverything)
{
    for (const auto& [method, call] : well_formed_calls()) {
        EXPECT_NE(call(*client).error, denied) << method;
    }
}

TEST_F(BusAuthorization, WhoAskedIsHandedOn)
{
    const std::uint64_t none = 0;
    ASSERT_EQ(client->call(web1_path, domain, "SetPolicy", "sa{sv}t", "none", 0, none).error, "");
    ASSERT_EQ(client->call(manager_path, manager, "ResetPolicy", "st", "web1", none).error, "");
    for (const auto& caller : {port.requests.at(0).caller, port.resetter}) {
        EXPECT_EQ(caller.name, client->name());
        EXPECT_EQ(caller.uid, 0U);
    }
}

TEST_F(BusAuthorization, NoHoldSurvivesACallerThatLeftAtOnce)
{
    auto leaving = std::make_unique<Client>(loop, bus.address());
    const auto name = leaving->name();
    leaving->send(manager_path, manager, "Hold", "ss", "web1", "x");
    leaving.reset();
    ASSERT_TRUE(loop.run_until([&] { return !client->sees(name); }));
    ASSERT_TRUE(alive()); // the service has seen the caller leave
    EXPECT_EQ(port.calls.size(), port.vanished.size());
}

// Sends changing calls all at once and returns how many were refused by the limit.
std::size_t refused_of(const Loop& loop, std::vector<std::unique_ptr<Client>>& clients,
                       std::size_t per_client)
{
    std::vector<std::shared_ptr<CallReply>> replies;
    for (auto& client : clients) {
        for (std::size_t i = 0; i < per_client; ++i) {
            replies.push_back(client->send(web1_path, domain, "Reapply", "t", std::uint64_t{0}));
        }
    }
    EXPECT_TRUE(loop.run_until([&] {
        return std::all_of(replies.begin(), replies.end(),
                           [](const auto& reply) { return reply->message != nullptr; });
    }));
    return static_cast<std::size_t>(std::count_if(
        replies.begin(), replies.end(), [](const auto& reply) { return reply->error == limits; }));
}

TEST_F(BusAuthorization, TheLimitIsFreedByTheAnswers)
{
    std::vector<std::unique_ptr<Client>> clients;
    clients.push_back(std::make_unique<Client>(loop, bus.address()));
    for (int round = 0; round < 5; ++round) {
        EXPECT_EQ(refused_of(loop, clients, CallSlots::per_connection_max), 0U);
    }
    EXPECT_EQ(port.calls.size(), 5 * CallSlots::per_connection_max);
}

TEST(AuthorizerTable, AMethodThatIsNotInItIsRefused)
{
    PrivateBus bus;
    setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
    const auto connection = sdbus::createSessionBusConnection();
    Authorizer authorizer{*connection};
    const Call unknown{.method = "org.virtpind1.Manager.Format", .sender = ":1.1"};
    std::optional<Errc> decision;
    authorizer.check(unknown, {}, [&](Result<Caller> allowed) { decision = allowed.error().code; });
    EXPECT_EQ(decision, Errc::permission_denied);
    EXPECT_FALSE(check_open(unknown));
    // A changing method never passes as an open one.
    EXPECT_FALSE(check_open({.method = "org.virtpind1.Manager.Hold", .sender = ":1.1"}));
}

} // namespace
} // namespace virtpind::bus::test
