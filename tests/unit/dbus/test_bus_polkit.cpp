// SPDX-License-Identifier: LGPL-2.1-or-later
// What polkit is asked, and what its answers, its silence and its absence lead to.
#include "dbus/authorizer.hpp"
#include "dbus/call_slots.hpp"
#include "dbus/loop_attachment.hpp"
#include "tests/support/bus_test.hpp"

#include <algorithm>
#include <optional>

namespace virtpind::bus::test {
namespace {

constexpr uid_t nobody = 65534;
// The bus lets in only users that exist; 1 to 10 do on every Debian.
constexpr uid_t first_system_user = 1;
constexpr const char* denied = "org.freedesktop.DBus.Error.AccessDenied";
constexpr const char* limits = "org.freedesktop.DBus.Error.LimitsExceeded";

// polkit's authority on the private bus, on the same loop.
class FakeAuthority {
public:
    enum class Mood { allows, refuses, wants_a_password, fails, is_silent };

    struct Asked {
        std::string subject_kind;
        std::string subject_name;
        std::string action;
        std::map<std::string, std::string> details;
        std::uint32_t flags = 0;
        std::string cancellation;
    };

    FakeAuthority(const Loop& loop, const std::string& address)
    {
        require(sd_bus_new(&bus_), "sd_bus_new");
        require(sd_bus_set_address(bus_, address.c_str()), "address");
        require(sd_bus_set_bus_client(bus_, 1), "client");
        require(sd_bus_start(bus_), "connect");
        require(sd_bus_add_object(bus_, nullptr, "/org/freedesktop/PolicyKit1/Authority", on_call,
                                  this),
                "object");
        require(sd_bus_request_name(bus_, "org.freedesktop.PolicyKit1", 0), "name");
        require(sd_bus_attach_event(bus_, loop.event, 0), "attach");
    }

    ~FakeAuthority()
    {
        held_.clear();
        sd_bus_flush_close_unref(bus_);
    }

    FakeAuthority(const FakeAuthority&) = delete;
    FakeAuthority& operator=(const FakeAuthority&) = delete;

    // Answers what it was silent about.
    void wake_up(Mood as)
    {
        mood = as;
        for (const auto& message : std::exchange(held_, {})) {
            answer(message.get());
        }
    }

    Mood mood = Mood::refuses;
    std::vector<Asked> asked;
    std::vector<std::string> cancelled;

private:
    static int on_call(sd_bus_message* message, void* self, sd_bus_error* /*error*/)
    {
        auto& authority = *static_cast<FakeAuthority*>(self);
        const std::string member{sd_bus_message_get_member(message)};
        if (member == "CancelCheckAuthorization") {
            const char* id = nullptr;
            require(sd_bus_message_read(message, "s", &id), "cancellation");
            authority.cancelled.emplace_back(id);
            return 1;
        }
        if (member == "CheckAuthorization") {
            authority.asked.push_back(read(message));
            authority.answer(message);
            return 1;
        }
        return 0;
    }

    static Asked read(sd_bus_message* message)
    {
        const char* kind = nullptr;
        const char* key = nullptr;
        const char* name = nullptr;
        const char* action = nullptr;
        const char* cancellation = nullptr;
        Asked asked;
        require(sd_bus_message_read(message, "(sa{sv})s", &kind, 1, &key, "s", &name, &action),
                "subject, action");
        EXPECT_STREQ(key, "name");
        require(sd_bus_message_enter_container(message, 'a', "{ss}"), "details");
        const char* value = nullptr;
        while (sd_bus_message_read(message, "{ss}", &key, &value) > 0) {
            asked.details[key] = value;
        }
        require(sd_bus_message_exit_container(message), "details");
        require(sd_bus_message_read(message, "us", &asked.flags, &cancellation), "flags");
        asked.subject_kind = kind;
        asked.subject_name = name;
        asked.action = action;
        asked.cancellation = cancellation;
        return asked;
    }

    void answer(sd_bus_message* message)
    {
        switch (mood) {
        case Mood::is_silent:
            held_.emplace_back(sd_bus_message_ref(message));
            return;
        case Mood::fails:
            sd_bus_reply_method_errorf(message, "org.freedesktop.PolicyKit1.Error.Failed",
                                       "broken");
            return;
        case Mood::allows:
        case Mood::refuses:
        case Mood::wants_a_password:
            sd_bus_reply_method_return(message, "(bba{ss})", mood == Mood::allows,
                                       mood == Mood::wants_a_password, 0);
        }
    }

    sd_bus* bus_ = nullptr;
    std::vector<MessagePtr> held_;
};

using Mood = FakeAuthority::Mood;

class BusPolkit : public BusTest {
protected:
    void SetUp() override
    {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root to connect as another user: sudo meson test -C BUILD "
                            "test_bus_polkit";
        }
    }

    [[nodiscard]] std::unique_ptr<Client> user(uid_t uid = nobody) const
    {
        return std::make_unique<Client>(loop, bus.address(), uid);
    }

    static std::shared_ptr<CallReply> reapply(Client& client)
    {
        return client.send(web1_path, domain, "Reapply", "t", std::uint64_t{0});
    }

    static CallReply set_policy(Client& client, const char* name, const char* policy)
    {
        return client.call(manager_path, manager, "SetPolicy", "ssa{sv}t", name, policy, 0,
                           std::uint64_t{0});
    }

    FakeAuthority polkit{loop, bus.address()};
};

TEST_F(BusPolkit, IsAskedAboutTheCallerTheActionAndTheDomain)
{
    polkit.mood = Mood::allows;
    const auto caller = user();
    EXPECT_EQ(set_policy(*caller, web1_uuid, "dedicated").number_result(), 42U);
    ASSERT_EQ(polkit.asked.size(), 1U);
    const auto& asked = polkit.asked.front();
    EXPECT_EQ(asked.subject_kind, "system-bus-name");
    EXPECT_EQ(asked.subject_name, caller->name());
    EXPECT_EQ(asked.action, "org.virtpind1.set-policy");
    const std::map<std::string, std::string> about{
        {"domain", "web1"}, {"policy", "dedicated"}, {"uuid", web1_uuid}};
    EXPECT_EQ(asked.details, about);
    ASSERT_EQ(port.requests.size(), 1U);
    EXPECT_EQ(port.requests.front().uuid.str(), web1_uuid);
}

TEST_F(BusPolkit, IsToldNothingThatATerminalOrADialogueWouldObey)
{
    set_policy(*user(), "web1", "x\n\x1b[2J\u202eevil");
    ASSERT_EQ(polkit.asked.size(), 1U);
    EXPECT_EQ(polkit.asked.front().details.at("policy"), R"(x\x0a\x1b[2J\xe2\x80\xaeevil)");
}

TEST_F(BusPolkit, MayAskAPersonOnlyWhenTheCallerSaysSo)
{
    const auto caller = user();
    set_policy(*caller, "web1", "none");
    caller->allow_interaction();
    set_policy(*caller, "web1", "none");
    ASSERT_EQ(polkit.asked.size(), 2U);
    EXPECT_EQ(polkit.asked[0].flags, 0U);
    EXPECT_EQ(polkit.asked[1].flags, 1U);
}

TEST_F(BusPolkit, SaysHowMuchOfADefinitionPlanShowsAndAsksNobodyForAPassword)
{
    const auto plan = [](Client& caller) {
        return caller.call(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 0);
    };
    const auto caller = user();
    caller->allow_interaction();
    const std::map<Mood, DefinitionScope> scopes{{Mood::allows, DefinitionScope::whole},
                                                 {Mood::refuses, DefinitionScope::own},
                                                 {Mood::wants_a_password, DefinitionScope::own},
                                                 {Mood::fails, DefinitionScope::own}};
    for (const auto& [mood, scope] : scopes) {
        polkit.mood = mood;
        EXPECT_EQ(plan(*caller).error, "");
        EXPECT_EQ(port.plan_scope, scope);
        EXPECT_EQ(polkit.asked.back().action, "org.virtpind1.set-policy");
        EXPECT_EQ(polkit.asked.back().details.at("uuid"), web1_uuid);
        EXPECT_EQ(polkit.asked.back().flags, 0U);
    }
    EXPECT_EQ(plan(*client).error, "");
    EXPECT_EQ(port.plan_scope, DefinitionScope::whole);
    EXPECT_EQ(polkit.asked.size(), scopes.size()) << "and not about root";
}

TEST_F(BusPolkit, PlanIsAnsweredWhereNoMoreQuestionsMayWait)
{
    polkit.mood = Mood::is_silent;
    const auto caller = user();
    for (std::size_t i = 0; i < Authorizer::Asides::each_max; ++i) {
        caller->send(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 0);
    }
    ASSERT_TRUE(
        loop.run_until([&] { return polkit.asked.size() == Authorizer::Asides::each_max; }));
    EXPECT_EQ(caller->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 0).error,
              "");
    EXPECT_EQ(port.plan_scope, DefinitionScope::own);
}

TEST_F(BusPolkit, PlansTakeNoPlaceOfWhatChangesSomething)
{
    polkit.mood = Mood::is_silent;
    const auto caller = user();
    constexpr std::size_t plans = 10;
    for (std::size_t i = 0; i < plans; ++i) {
        caller->send(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 0);
    }
    for (std::size_t i = 0; i < Authorizer::PolkitChecks::each_max; ++i) {
        reapply(*caller);
    }
    constexpr auto all = Authorizer::Asides::each_max + Authorizer::PolkitChecks::each_max;
    EXPECT_TRUE(loop.run_until([&] { return polkit.asked.size() == all; })) << polkit.asked.size();
    EXPECT_EQ(port.planned, plans - Authorizer::Asides::each_max);
}

TEST_F(BusPolkit, PlanOfWhoLeavesMeanwhileIsNotMadeAndLeavesNothingOpen)
{
    polkit.mood = Mood::is_silent;
    // As many as one user may have open in all.
    for (std::size_t left = 0; left < CallSlots::per_user_max.calls;) {
        auto caller = user();
        for (int i = 0; i < 2; ++i) {
            caller->send(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 0);
        }
        left += 2;
        ASSERT_TRUE(loop.run_until([&] { return polkit.asked.size() == left; }));
        caller->leave();
        ASSERT_TRUE(loop.run_until([&] { return polkit.cancelled.size() == left; }));
        polkit.wake_up(Mood::allows);
        polkit.mood = Mood::is_silent;
        ASSERT_TRUE(alive()); // the late answers have come
    }
    EXPECT_EQ(port.planned, 0U);
    const auto late = user();
    const auto one = late->send(manager_path, manager, "Describe", "");
    EXPECT_EQ(late->call(manager_path, manager, "Describe", "").error, "");
}

TEST_F(BusPolkit, IsNotAskedAboutRoot)
{
    EXPECT_EQ(set_policy(*client, "web1", "none").number_result(), 42U);
    EXPECT_TRUE(polkit.asked.empty());
}

TEST_F(BusPolkit, SaysNoAndTheCallerLearnsWhatToDo)
{
    const auto caller = user();
    const std::map<Mood, std::string> texts{
        {Mood::refuses, "polkit does not allow you org.virtpind1.set-policy"},
        {Mood::wants_a_password, "polkit requires a password for org.virtpind1.set-policy"},
        {Mood::fails, "polkit did not answer (broken)"},
    };
    for (const auto& [mood, text] : texts) {
        polkit.mood = mood;
        const auto reply = set_policy(*caller, "web1", "none");
        EXPECT_EQ(reply.error, denied);
        EXPECT_NE(reply.text.find(text), std::string::npos) << reply.text;
        EXPECT_NE(reply.text.find("sudo"), std::string::npos) << reply.text;
    }
    EXPECT_TRUE(port.requests.empty());
}

TEST_F(BusPolkit, IsToldToStopWhenTheCallerLeaves)
{
    polkit.mood = Mood::is_silent;
    auto caller = user();
    reapply(*caller);
    ASSERT_TRUE(loop.run_until([&] { return polkit.asked.size() == 1; }));
    caller->leave();
    ASSERT_TRUE(loop.run_until([&] { return polkit.cancelled.size() == 1; }));
    EXPECT_EQ(polkit.cancelled.front(), polkit.asked.front().cancellation);
    polkit.wake_up(Mood::allows);
    ASSERT_TRUE(alive()); // the late answer has come
    EXPECT_TRUE(port.calls.empty());
}

TEST_F(BusPolkit, WhatWaitsForItIsBoundedPerUserWhateverTheConnections)
{
    polkit.mood = Mood::is_silent;
    const auto first = user();
    const auto second = user();
    std::vector<std::shared_ptr<CallReply>> waiting;
    for (std::size_t i = 0; i < Authorizer::PolkitChecks::each_max; ++i) {
        waiting.push_back(reapply(i % 2 == 0 ? *first : *second));
    }
    ASSERT_TRUE(loop.run_until([&] { return polkit.asked.size() == waiting.size(); }));
    EXPECT_EQ(first->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).error, limits);
    // Neither another user nor root pays for it.
    const auto other = user(first_system_user);
    waiting.push_back(reapply(*other));
    ASSERT_TRUE(loop.run_until([&] { return polkit.asked.size() == waiting.size(); }));
    EXPECT_EQ(client->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).number_result(),
              42U);
    polkit.wake_up(Mood::allows);
    ASSERT_TRUE(loop.run_until([&] {
        return std::all_of(waiting.begin(), waiting.end(),
                           [](const auto& reply) { return reply->message != nullptr; });
    }));
    EXPECT_EQ(port.calls.size(), waiting.size() + 1);
    EXPECT_EQ(first->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).error, "");
}

TEST_F(BusPolkit, WhatWaitsForItIsBoundedInAllAndALeavingCallerKeepsItsPlace)
{
    polkit.mood = Mood::is_silent;
    std::vector<std::unique_ptr<Client>> users;
    for (std::size_t sent = 0; sent < Authorizer::PolkitChecks::total_max;) {
        users.push_back(user(first_system_user + static_cast<uid_t>(users.size())));
        for (std::size_t i = 0; i < Authorizer::PolkitChecks::each_max; ++i, ++sent) {
            reapply(*users.back());
        }
        ASSERT_TRUE(loop.run_until([&] { return polkit.asked.size() == sent; }));
    }
    const auto late = user(nobody);
    EXPECT_EQ(late->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).error, limits);
    users.clear();
    ASSERT_TRUE(loop.run_until([&] { return polkit.cancelled.size() == polkit.asked.size(); }));
    EXPECT_EQ(late->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).error, limits);
    polkit.wake_up(Mood::allows); // as polkit answers what was cancelled: with anything
    EXPECT_EQ(late->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).number_result(), 42U);
    EXPECT_EQ(port.calls.size(), 1U);
}

TEST_F(BusPolkit, ItsSilenceIsANo)
{
    polkit.mood = Mood::is_silent;
    const auto caller = user();
    const auto connection = sdbus::createSessionBusConnection();
    Authorizer authorizer{*connection, {.alone = std::chrono::milliseconds{50}}};
    FairQueue turns;
    Door door{*connection, turns};
    LoopAttachment attachment{*connection, door, turns};
    ASSERT_TRUE(attachment.attach(loop.event));
    std::optional<Error> decision;
    authorizer.check(
        {.method = "org.virtpind1.Manager.Hold", .sender = caller->name(), .user = nobody}, {},
        [&](Result<Caller> allowed) { decision = allowed.error(); });
    ASSERT_TRUE(loop.run_until([&] { return decision && polkit.cancelled.size() == 1; }));
    EXPECT_EQ(decision->code, Errc::permission_denied);
    EXPECT_NE(decision->message.find("systemctl status polkit"), std::string::npos);
}

} // namespace
} // namespace virtpind::bus::test
