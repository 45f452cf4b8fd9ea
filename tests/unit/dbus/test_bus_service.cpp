// SPDX-License-Identifier: LGPL-2.1-or-later
// Every method, over a private bus.
#include "tests/support/bus_test.hpp"

namespace virtpind::bus::test {
namespace {

constexpr const char* invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";

using BusMethods = BusTest;

TEST_F(BusMethods, GetDomainFindsByNameAndUuid)
{
    EXPECT_STREQ(
        client->call(manager_path, manager, "GetDomain", "s", "web1").read<const char*>("o"),
        web1_path);
    EXPECT_STREQ(
        client->call(manager_path, manager, "GetDomain", "s", web1_uuid).read<const char*>("o"),
        web1_path);
    const auto missing = client->call(manager_path, manager, "GetDomain", "s", "web2");
    EXPECT_EQ(missing.error, "org.virtpind1.Error.NoSuchDomain");
    EXPECT_EQ(missing.text, "no domain \"web2\"");
}

TEST_F(BusMethods, ListDomainsShowsWhatWasPublished)
{
    const auto reply = client->call(manager_path, manager, "ListDomains", "");
    auto* message = reply.message.get();
    ASSERT_GT(sd_bus_message_enter_container(message, 'a', "(sssso)"), 0);
    const char *uuid = nullptr, *name = nullptr, *policy = nullptr, *state = nullptr,
               *path = nullptr;
    ASSERT_GT(sd_bus_message_read(message, "(sssso)", &uuid, &name, &policy, &state, &path), 0);
    EXPECT_STREQ(uuid, web1_uuid);
    EXPECT_STREQ(name, "web1");
    EXPECT_STREQ(policy, "dedicated");
    EXPECT_STREQ(state, "pinned");
    EXPECT_STREQ(path, web1_path);
    EXPECT_EQ(sd_bus_message_at_end(message, 0), 1);
}

TEST_F(BusMethods, ListShowsHowEachDomainStands)
{
    auto view = web1_view();
    view.satisfied = false;
    view.placement = "pool";
    service->publish(manager_view(), {view});
    const auto reply = client->call(manager_path, manager, "List", "");
    auto* message = reply.message.get();
    ASSERT_GT(sd_bus_message_enter_container(message, 'a', "(osssssbs)"), 0);
    const char *path = nullptr, *uuid = nullptr, *name = nullptr, *run = nullptr, *policy = nullptr,
               *pin = nullptr, *placement = nullptr;
    int satisfied = 1;
    ASSERT_GT(sd_bus_message_read(message, "(osssssbs)", &path, &uuid, &name, &run, &policy, &pin,
                                  &satisfied, &placement),
              0);
    EXPECT_STREQ(path, web1_path);
    EXPECT_STREQ(uuid, web1_uuid);
    EXPECT_STREQ(name, "web1");
    EXPECT_STREQ(run, "running");
    EXPECT_STREQ(policy, "dedicated");
    EXPECT_STREQ(pin, "pinned");
    EXPECT_EQ(satisfied, 0);
    EXPECT_STREQ(placement, "pool");
    EXPECT_EQ(sd_bus_message_at_end(message, 0), 1);
}

TEST_F(BusMethods, WhyHasARowForEachReason)
{
    port.reasons = {{.level = "short", .code = "no-room", .text = "x"},
                    {.level = "note", .code = "moved", .text = std::string{"a\xff"}}};
    const auto reply = client->call(manager_path, manager, "Why", "s", "web1");
    auto* message = reply.message.get();
    ASSERT_EQ(reply.error, "") << reply.text;
    const char *level = nullptr, *code = nullptr, *text = nullptr;
    ASSERT_GT(sd_bus_message_enter_container(message, 'a', "(sss)"), 0);
    ASSERT_GT(sd_bus_message_read(message, "(sss)", &level, &code, &text), 0);
    EXPECT_STREQ(level, "short");
    EXPECT_STREQ(code, "no-room");
    ASSERT_GT(sd_bus_message_read(message, "(sss)", &level, &code, &text), 0);
    EXPECT_STREQ(text, R"(a\xff)");
    EXPECT_EQ(client->call(manager_path, manager, "Why", "s", "web2").error,
              "org.virtpind1.Error.NoSuchDomain");
    port.reasons.clear();
    EXPECT_EQ(client->call(manager_path, manager, "Why", "s", "web1").error,
              "org.virtpind1.Error.NoSuchDomain");
}

TEST_F(BusMethods, SetIsALineOfTextThatMerges)
{
    ASSERT_EQ(client->call(manager_path, manager, "Set", "ss", "web1", "dedicated vcpus=4 smt=")
                  .number_result(),
              42U);
    ASSERT_EQ(client->call(web1_path, domain, "Set", "s", "tune=topoext,invtsc").number_result(),
              42U);
    ASSERT_EQ(port.requests.size(), 2U);
    const auto& first = port.requests[0];
    EXPECT_EQ(first.uuid.str(), web1_uuid);
    EXPECT_EQ(first.policy, "dedicated");
    EXPECT_EQ(first.options, (OptionMap{{"vcpus", std::uint32_t{4}}, {"smt", std::string{}}}));
    EXPECT_EQ(first.flags, flag_merge);
    EXPECT_EQ(first.caller.name, client->name());
    const auto& second = port.requests[1];
    EXPECT_EQ(second.uuid.str(), web1_uuid);
    EXPECT_EQ(second.policy, "");
    EXPECT_EQ(second.options, (OptionMap{{"tune", std::vector<std::string>{"topoext", "invtsc"}}}));

    const auto wrong = client->call(web1_path, domain, "Set", "s", "smt=requir");
    EXPECT_EQ(wrong.error, "org.virtpind1.Error.InvalidPolicy");
    EXPECT_NE(wrong.text.find("did you mean 'require'"), std::string::npos) << wrong.text;
    const auto long_text =
        client->call(manager_path, manager, "Set", "ss", "web1", std::string(5000, 'x').c_str());
    EXPECT_EQ(long_text.error, "org.freedesktop.DBus.Error.LimitsExceeded");
    EXPECT_EQ(port.requests.size(), 2U);
}

TEST_F(BusMethods, SetPolicyCarriesEverything)
{
    const auto reply = client->call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1",
                                    "dedicated", 3, "smt", "s", "isolate", "vcpus", "u", 4U,
                                    "expect-generation", "t", std::uint64_t{3}, std::uint64_t{0x3});
    ASSERT_EQ(reply.error, "") << reply.text;
    EXPECT_EQ(reply.number_result(), 42U);
    ASSERT_EQ(port.requests.size(), 1U);
    const auto& request = port.requests.front();
    EXPECT_EQ(request.uuid.str(), web1_uuid);
    EXPECT_EQ(request.policy, "dedicated");
    EXPECT_EQ(request.options,
              (OptionMap{{"smt", std::string{"isolate"}}, {"vcpus", std::uint32_t{4}}}));
    EXPECT_EQ(request.flags, 0x3U);
    EXPECT_EQ(request.expect_generation, 3U);
    EXPECT_EQ(request.caller.name, client->name());
}

TEST_F(BusMethods, DomainObjectSetsItsOwnPolicy)
{
    const auto reply =
        client->call(web1_path, domain, "SetPolicy", "sa{sv}t", "shared", 0, std::uint64_t{0});
    EXPECT_EQ(reply.number_result(), 42U);
    ASSERT_EQ(port.requests.size(), 1U);
    EXPECT_EQ(port.requests.front().uuid.str(), web1_uuid);
    EXPECT_EQ(port.requests.front().policy, "shared");
    EXPECT_FALSE(port.requests.front().expect_generation);
}

TEST_F(BusMethods, ResetAndReapplyOnBothObjects)
{
    const std::uint64_t none = 0;
    EXPECT_EQ(client->call(manager_path, manager, "ResetPolicy", "st", "web1", std::uint64_t{1})
                  .number_result(),
              42U);
    EXPECT_EQ(client->call(web1_path, domain, "ResetPolicy", "t", none).number_result(), 42U);
    EXPECT_EQ(client->call(manager_path, manager, "Reapply", "st", "", none).number_result(), 42U);
    EXPECT_EQ(client->call(manager_path, manager, "Reapply", "st", "web1", none).number_result(),
              42U);
    EXPECT_EQ(client->call(web1_path, domain, "Reapply", "t", none).number_result(), 42U);
    const std::string uuid{web1_uuid};
    EXPECT_EQ(port.calls,
              (std::vector<std::string>{"reset_policy " + uuid + " 1",
                                        "reset_policy " + uuid + " 0", "reapply all 0",
                                        "reapply " + uuid + " 0", "reapply " + uuid + " 0"}));
}

TEST_F(BusMethods, ReloadSaysWhereTheMistakeIs)
{
    constexpr std::uint64_t none = 0;
    EXPECT_EQ(client->call(manager_path, manager, "Reload", "t", none).error, "");
    port.reloaded = Error{.code = Errc::invalid_config, .message = "virtpind.json:3: unknown key"};
    const auto refused = client->call(manager_path, manager, "Reload", "t", none);
    EXPECT_EQ(refused.error, "org.virtpind1.Error.InvalidConfig");
    EXPECT_EQ(refused.text, "virtpind.json:3: unknown key");
    EXPECT_EQ(port.calls, (std::vector<std::string>{"reload", "reload"}));
}

TEST_F(BusMethods, ReadingMethodsAnswer)
{
    EXPECT_EQ(client
                  ->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 1, "smt", "s",
                         "spread")
                  .text_result(),
              R"({"plan":")" + std::string{web1_uuid} + R"( shared 1"})");
    EXPECT_EQ(client
                  ->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "", 2, "merge", "b", 1,
                         "priority", "s", "")
                  .text_result(),
              R"({"plan":")" + std::string{web1_uuid} + R"(  1 merge"})");
    EXPECT_EQ(client->call(manager_path, manager, "Describe", "").text_result(),
              R"({"domains":[]})");
    EXPECT_EQ(client->call(web1_path, domain, "Explain", "").text_result(),
              R"({"uuid":")" + std::string{web1_uuid} + R"("})");
    const auto topology =
        client->call(manager_path, manager, "ExportTopology", "t", std::uint64_t{0});
    EXPECT_EQ(topology.error, "org.virtpind1.Error.LibvirtUnavailable");
    EXPECT_EQ(topology.text, "no topology yet");
}

TEST_F(BusMethods, HoldKnowsItsCallerAndOnlyTheCallerReleases)
{
    EXPECT_EQ(
        client->call(manager_path, manager, "Hold", "ss", "web1", "benchmark").number_result(), 7U);
    EXPECT_EQ(port.hold_owner, client->name());
    Client other{loop, bus.address()};
    EXPECT_EQ(other.call(manager_path, manager, "Release", "t", std::uint64_t{7}).error,
              invalid_args);
    EXPECT_EQ(client->call(manager_path, manager, "Release", "t", std::uint64_t{7}).error, "");
    EXPECT_EQ(client->call(manager_path, manager, "Hold", "ss", "web2", "x").error,
              "org.virtpind1.Error.NoSuchDomain");
}

TEST_F(BusMethods, EndOfAHolderIsReportedOnceAndOfNobodyElse)
{
    Client bystander{loop, bus.address()};
    Client holder{loop, bus.address()};
    ASSERT_TRUE(bystander.call(manager_path, manager, "Describe", "").error.empty());
    ASSERT_EQ(holder.call(manager_path, manager, "Hold", "ss", "web1", "x").error, "");
    ASSERT_EQ(holder.call(manager_path, manager, "Hold", "ss", "web1", "y").error, "");
    const auto name = holder.name();
    bystander.leave();
    holder.leave();
    ASSERT_TRUE(loop.run_until([&] { return !port.vanished.empty(); }));
    ASSERT_TRUE(alive());
    EXPECT_EQ(port.vanished, std::vector<std::string>{name});
}

TEST_F(BusMethods, EndOfACallerWhosePolicyLastsWhileItIsConnectedIsReported)
{
    for (const auto* path : {manager_path, web1_path}) {
        Client lasting{loop, bus.address()};
        Client other{loop, bus.address()};
        port.vanished.clear();
        const auto of_domain = path == web1_path;
        const auto set = [&](Client& caller, std::uint64_t flags) {
            return of_domain ? caller.call(path, domain, "SetPolicy", "sa{sv}t", "shared", 0, flags)
                             : caller.call(path, manager, "SetPolicy", "ssa{sv}t", "web1", "shared",
                                           0, flags);
        };
        ASSERT_EQ(set(lasting, 0x9).error, "");
        ASSERT_EQ(set(other, 0x1).error, "");
        const auto name = lasting.name();
        other.leave();
        lasting.leave();
        ASSERT_TRUE(loop.run_until([&] { return !port.vanished.empty(); }));
        EXPECT_EQ(port.vanished, std::vector<std::string>{name});
    }
}

TEST_F(BusMethods, HolderThatLeavesBeforeTheReplyIsReportedToo)
{
    port.keep_replies = true;
    Client holder{loop, bus.address()};
    const auto name = holder.name();
    holder.send(manager_path, manager, "Hold", "ss", "web1", "x");
    ASSERT_TRUE(loop.run_until([&] { return port.kept.size() == 1; }));
    holder.leave();
    ASSERT_TRUE(loop.run_until([&] { return !port.vanished.empty(); }));
    EXPECT_EQ(port.vanished, std::vector<std::string>{name});
    port.kept.front()(std::uint64_t{7});
    EXPECT_TRUE(alive());
}

TEST_F(BusMethods, ErrorsOfTheDaemonKeepTheirNameAndText)
{
    port.next = Error{.code = Errc::partially_applied, .message = "vCPU 3 of web1 is not pinned"};
    const auto reply = client->call(web1_path, domain, "Reapply", "t", std::uint64_t{0});
    EXPECT_EQ(reply.error, "org.virtpind1.Error.PartiallyApplied");
    EXPECT_EQ(reply.text, "vCPU 3 of web1 is not pinned");
}

// libsystemd refuses to send such a text, and with it everything else that is in the answer.
TEST_F(BusMethods, TextsThatTheBusCannotCarryAreMadeSo)
{
    const std::string odd{"a\xff\xfe\0b", 5};
    const std::string shown{R"(a\xff\xfe\x00b)"};
    auto odd_manager = manager_view();
    odd_manager.libvirt_uri = odd;
    odd_manager.policies = {odd};
    odd_manager.problems = {{.code = odd, .text = odd}};
    odd_manager.holds = {{.uuid = DomainUuid{web1_uuid}, .owner = odd, .reason = odd}};
    auto odd_domain = web1_view();
    odd_domain.name = odd;
    odd_domain.last_error = {"ApplyFailed", odd};
    odd_domain.shortfall = {odd, odd};
    odd_domain.placement = odd;
    odd_domain.displaced = {odd};
    odd_domain.displaced_by = {odd};
    odd_domain.holds = odd_manager.holds;
    odd_domain.policy_options = {{"cpus", odd}, {"tune", std::vector<std::string>{odd}}};
    service->publish(odd_manager, {odd_domain});
    service->applied(odd_domain.uuid, 1, "failed", {{"error", odd}});
    for (const auto& [path, interface] :
         {std::pair{manager_path, manager}, std::pair{web1_path, domain}}) {
        const auto reply =
            client->call(path, "org.freedesktop.DBus.Properties", "GetAll", "s", interface);
        EXPECT_EQ(reply.error, "") << reply.text;
    }
    EXPECT_EQ(client->call(manager_path, manager, "ListDomains", "").error, "");
    EXPECT_EQ(client->call(manager_path, manager, "List", "").error, "");
    port.next = Error{.code = Errc::apply_failed, .message = odd};
    EXPECT_EQ(client->call(web1_path, domain, "Reapply", "t", std::uint64_t{0}).text, shown);
    EXPECT_TRUE(alive());
}

TEST_F(BusMethods, BadArgumentsAreRefusedBeforeAnythingHappens)
{
    const std::uint64_t none = 0;
    const auto expect_refused = [](const CallReply& reply, const char* name, const char* part) {
        EXPECT_EQ(reply.error, name) << reply.text;
        EXPECT_NE(reply.text.find(part), std::string::npos) << reply.text;
    };
    const std::string long_text(4097, 'x');
    constexpr const char* limits = "org.freedesktop.DBus.Error.LimitsExceeded";

    expect_refused(client->call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1", "shared", 0,
                                std::uint64_t{16}),
                   invalid_args,
                   "unknown bits 0x10; valid: 0x1 (RUNTIME_ONLY), 0x2 (DEFER), 0x4 (MERGE), "
                   "0x8 (WHILE_CONNECTED)");
    expect_refused(client->call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1", "shared", 0,
                                std::uint64_t{8}),
                   invalid_args, "0x8 (WHILE_CONNECTED) needs 0x1 (RUNTIME_ONLY)");
    expect_refused(
        client->call(manager_path, manager, "ResetPolicy", "st", "web1", std::uint64_t{2}),
        invalid_args, "0x1 (RUNTIME_ONLY)");
    expect_refused(client->call(manager_path, manager, "Reapply", "st", "web1", std::uint64_t{1}),
                   invalid_args, "no flags");
    expect_refused(client->call(manager_path, manager, "ExportTopology", "t", std::uint64_t{1}),
                   invalid_args, "no flags");
    expect_refused(client->call(manager_path, manager, "Reload", "t", std::uint64_t{1}),
                   invalid_args, "no flags");
    expect_refused(client->call(web1_path, domain, "SetPolicy", "sa{sv}t", "shared", 1, "vcpus",
                                "d", 4.0, none),
                   invalid_args, "option \"vcpus\"");
    expect_refused(client->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 1,
                                "expect-generation", "t", none),
                   invalid_args, "leave it out");
    expect_refused(client->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "shared", 1,
                                "merge", "s", "yes"),
                   invalid_args, "merge b true");
    expect_refused(client->call(manager_path, manager, "SetPolicy", "ssa{sv}t", long_text.c_str(),
                                "shared", 0, none),
                   limits, "domain is 4097 bytes long");
    expect_refused(client->call(manager_path, manager, "Hold", "ss", "web1", long_text.c_str()),
                   limits, "reason is 4097 bytes long");
    // Wrong signatures are libsystemd's to refuse.
    EXPECT_EQ(client->call(manager_path, manager, "GetDomain", "u", 1U).error, invalid_args);
    EXPECT_TRUE(port.requests.empty());
    EXPECT_TRUE(port.calls.empty());
}

TEST_F(BusMethods, ExceptionInAHandlerIsAnswered)
{
    port.throws = true;
    constexpr const char* internal = "org.virtpind1.Error.Internal";
    EXPECT_EQ(client->call(manager_path, manager, "GetDomain", "s", "web1").error, internal);
    EXPECT_EQ(client->call(manager_path, manager, "Plan", "ssa{sv}", "web1", "x", 0).error,
              internal);
    EXPECT_EQ(
        client
            ->call(manager_path, manager, "SetPolicy", "ssa{sv}t", "web1", "x", 0, std::uint64_t{0})
            .error,
        internal);
    EXPECT_EQ(
        client->call(web1_path, domain, "SetPolicy", "sa{sv}t", "x", 0, std::uint64_t{0}).error,
        internal);
    EXPECT_TRUE(alive());
}

TEST_F(BusMethods, ExceptionAtTheEndOfAHolderIsSurvived)
{
    Client holder{loop, bus.address()};
    ASSERT_EQ(holder.call(manager_path, manager, "Hold", "ss", "web1", "x").error, "");
    port.throws = true;
    holder.leave();
    ASSERT_TRUE(loop.run_until([&] { return !port.vanished.empty(); }));
    EXPECT_TRUE(alive());
}

TEST_F(BusMethods, ReplyMayComeLaterAndOthersAreAnsweredMeanwhile)
{
    port.keep_replies = true;
    const auto slow = client->send(web1_path, domain, "Reapply", "t", std::uint64_t{0});
    ASSERT_TRUE(loop.run_until([&] { return port.kept.size() == 1; }));
    EXPECT_TRUE(alive());
    EXPECT_EQ(slow->message, nullptr);
    port.kept.front()(std::uint64_t{5});
    ASSERT_TRUE(loop.run_until([&] { return slow->message != nullptr; }));
    EXPECT_EQ(slow->number_result(), 5U);
}

} // namespace
} // namespace virtpind::bus::test
