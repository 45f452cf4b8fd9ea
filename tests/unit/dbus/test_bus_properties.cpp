// SPDX-License-Identifier: LGPL-2.1-or-later
// Every property and signal, over a private bus.
#include "tests/support/bus_test.hpp"

#include <algorithm>

namespace virtpind::bus::test {
namespace {

class BusProperties : public BusTest {
protected:
    BusProperties() { client->listen(); }

    // Names in the PropertiesChanged signals of `path`, one vector per signal.
    std::vector<std::vector<std::string>> changes(const char* path)
    {
        EXPECT_TRUE(alive()); // signals come before the reply
        std::vector<std::vector<std::string>> all;
        for (const auto& signal : client->signals) {
            if (signal.member != "PropertiesChanged" || signal.path != path) {
                continue;
            }
            auto* message = signal.message.get();
            sd_bus_message_rewind(message, 1);
            std::vector<std::string> names;
            sd_bus_message_skip(message, "s");
            sd_bus_message_enter_container(message, 'a', "{sv}");
            while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                const char* name = nullptr;
                sd_bus_message_read(message, "s", &name);
                names.emplace_back(name);
                sd_bus_message_skip(message, "v");
                sd_bus_message_exit_container(message);
            }
            std::sort(names.begin(), names.end());
            all.push_back(std::move(names));
        }
        return all;
    }

    std::vector<std::string> members(const std::string& path)
    {
        EXPECT_TRUE(alive());
        std::vector<std::string> seen;
        for (const auto& signal : client->signals) {
            if (signal.path == path) {
                seen.push_back(signal.member);
            }
        }
        return seen;
    }

    MessagePtr get(const char* path, const char* interface, const char* name, const char* type)
    {
        auto reply = client->call(path, properties, "Get", "ss", interface, name);
        EXPECT_EQ(reply.error, "") << name << ": " << reply.text;
        EXPECT_GT(sd_bus_message_enter_container(reply.message.get(), 'v', type), 0) << name;
        return std::move(reply.message);
    }

    std::string get_text(const char* path, const char* interface, const char* name)
    {
        const auto message = get(path, interface, name, "s");
        const char* text = "";
        sd_bus_message_read(message.get(), "s", &text);
        return text;
    }

    std::uint64_t get_number(const char* path, const char* interface, const char* name)
    {
        std::uint64_t number = 0;
        sd_bus_message_read(get(path, interface, name, "t").get(), "t", &number);
        return number;
    }
};

TEST_F(BusProperties, ManagerHasThoseOfItsView)
{
    EXPECT_EQ(get_text(manager_path, manager, "Version"), "0.1.0");
    EXPECT_EQ(get_text(manager_path, manager, "State"), "ready");
    EXPECT_EQ(get_text(manager_path, manager, "LibvirtURI"), "test:///default");
    EXPECT_EQ(get_text(manager_path, manager, "OnlineCPUs"), "0-15");
    EXPECT_EQ(get_text(manager_path, manager, "HousekeepingCPUs"), "0,8");
    EXPECT_EQ(get_text(manager_path, manager, "PoolCPUs"), "1-7");
    EXPECT_EQ(get_text(manager_path, manager, "IsolatedCPUs"), "9-10");
    EXPECT_EQ(get_text(manager_path, manager, "DefaultPolicy"), "none");
    EXPECT_EQ(get_number(manager_path, manager, "TopologyGeneration"), 1U);
    const auto policies = get(manager_path, manager, "Policies", "as");
    const char *first = nullptr, *second = nullptr, *third = nullptr;
    ASSERT_GT(sd_bus_message_read(policies.get(), "as", 3, &first, &second, &third), 0);
    EXPECT_STREQ(first, "none");
    EXPECT_STREQ(third, "dedicated");
}

TEST_F(BusProperties, DomainHasThoseOfItsView)
{
    EXPECT_EQ(get_text(web1_path, domain, "UUID"), web1_uuid);
    EXPECT_EQ(get_text(web1_path, domain, "Name"), "web1");
    EXPECT_EQ(get_text(web1_path, domain, "RunState"), "running");
    EXPECT_EQ(get_text(web1_path, domain, "Policy"), "dedicated");
    EXPECT_EQ(get_text(web1_path, domain, "PolicySource"), "metadata");
    EXPECT_EQ(get_text(web1_path, domain, "PinState"), "pinned");
    EXPECT_EQ(get_text(web1_path, domain, "EmulatorCPUs"), "0");
    EXPECT_EQ(get_text(web1_path, domain, "NUMANodes"), "0");
    EXPECT_EQ(get_number(web1_path, domain, "Generation"), 3U);
    EXPECT_EQ(get_number(web1_path, domain, "LastAppliedUSec"), 1U);

    const auto pins = get(web1_path, domain, "VcpuPins", "a(us)");
    ASSERT_GT(sd_bus_message_enter_container(pins.get(), 'a', "(us)"), 0);
    std::uint32_t vcpu = 9;
    const char* cpus = nullptr;
    ASSERT_GT(sd_bus_message_read(pins.get(), "(us)", &vcpu, &cpus), 0);
    EXPECT_EQ(vcpu, 0U);
    EXPECT_STREQ(cpus, "4");
    ASSERT_GT(sd_bus_message_read(pins.get(), "(us)", &vcpu, &cpus), 0);
    EXPECT_EQ(vcpu, 1U);
    EXPECT_STREQ(cpus, "5-6");

    const auto options = get(web1_path, domain, "PolicyOptions", "a{sv}");
    const char *smt = nullptr, *isolate = nullptr, *vcpus = nullptr;
    ASSERT_GT(
        sd_bus_message_read(options.get(), "a{sv}", 2, &smt, "s", &isolate, &vcpus, "u", &vcpu), 0);
    EXPECT_STREQ(smt, "smt");
    EXPECT_STREQ(isolate, "isolate");
    EXPECT_EQ(vcpu, 4U);

    const auto own = get(web1_path, domain, "OwnPolicies", "a(ssa{sv})");
    const char *source = nullptr, *policy = nullptr;
    ASSERT_GT(
        sd_bus_message_read(own.get(), "a(ssa{sv})", 1, &source, &policy, 1, &smt, "s", &isolate),
        0);
    EXPECT_STREQ(source, "metadata");
    EXPECT_STREQ(policy, "dedicated");
    EXPECT_STREQ(smt, "smt");
}

TEST_F(BusProperties, SayWhatADomainLacksAndWhoHoldsIt)
{
    auto lacking = web1_view();
    lacking.satisfied = false;
    lacking.shortfall = {"no-room", "It has no room."};
    lacking.placement = "housekeeping";
    lacking.holds = {{.uuid = lacking.uuid, .owner = ":1.7", .reason = "a backup"}};
    auto all = manager_view();
    all.holds = lacking.holds;
    all.problems = {{.code = "Unsatisfiable", .text = "web1: no room", .domain = lacking.uuid},
                    {.code = "StateFile", .text = "x"}};
    service->publish(all, {lacking});

    int satisfied = 1;
    sd_bus_message_read(get(web1_path, domain, "Satisfied", "b").get(), "b", &satisfied);
    EXPECT_EQ(satisfied, 0);
    EXPECT_EQ(get_text(web1_path, domain, "Placement"), "housekeeping");
    EXPECT_EQ(get_text(web1_path, domain, "IsolatedCPUs"), "9");
    const char *code = nullptr, *text = nullptr, *path = nullptr;
    const auto shortfall = get(web1_path, domain, "Shortfall", "(ss)");
    ASSERT_GT(sd_bus_message_read(shortfall.get(), "(ss)", &code, &text), 0);
    EXPECT_STREQ(code, "no-room");
    EXPECT_STREQ(text, "It has no room.");
    const auto own = get(web1_path, domain, "Holds", "a(ss)");
    ASSERT_GT(sd_bus_message_read(own.get(), "a(ss)", 1, &code, &text), 0);
    EXPECT_STREQ(code, ":1.7");
    EXPECT_STREQ(text, "a backup");

    const auto holds = get(manager_path, manager, "Holds", "a(oss)");
    ASSERT_GT(sd_bus_message_read(holds.get(), "a(oss)", 1, &path, &code, &text), 0);
    EXPECT_STREQ(path, web1_path);
    const auto problems = get(manager_path, manager, "Problems", "a(sso)");
    const char *host_code = nullptr, *host_text = nullptr, *host_path = nullptr;
    ASSERT_GT(sd_bus_message_read(problems.get(), "a(sso)", 2, &code, &text, &path, &host_code,
                                  &host_text, &host_path),
              0);
    EXPECT_STREQ(path, web1_path);
    EXPECT_STREQ(host_path, "/");
    std::uint32_t version = 0;
    sd_bus_message_read(get(manager_path, manager, "InterfaceVersion", "u").get(), "u", &version);
    EXPECT_EQ(version, 2U);
}

TEST_F(BusProperties, CannotBeSet)
{
    const auto reply =
        client->call(web1_path, properties, "Set", "ssv", domain, "Policy", "s", "x");
    EXPECT_EQ(reply.error, "org.freedesktop.DBus.Error.PropertyReadOnly");
}

TEST_F(BusProperties, OneSignalPerObjectWithExactlyWhatChanged)
{
    auto changed_manager = manager_view();
    changed_manager.state = "degraded";
    changed_manager.problems = {{.code = "config", .text = "cannot be read"}};
    auto changed_domain = web1_view();
    changed_domain.pin_state = PinState::partial;
    changed_domain.generation = 4;
    changed_domain.vcpu_pins[VcpuId{1}] = CpuSet{CpuId{7}};
    changed_domain.last_error = {"PartiallyApplied", "vCPU 1"};
    service->publish(changed_manager, {changed_domain});
    service->publish(changed_manager, {changed_domain}); // nothing new: no signal

    using Changes = std::vector<std::vector<std::string>>;
    EXPECT_EQ(changes(manager_path), (Changes{{"Problems", "State"}}));
    EXPECT_EQ(changes(web1_path), (Changes{{"Generation", "LastError", "PinState", "VcpuPins"}}));
    EXPECT_EQ(get_text(web1_path, domain, "PinState"), "partial");
}

TEST_F(BusProperties, EveryPropertyButTheConstantOnesIsCompared)
{
    ManagerView manager_after;
    manager_after.version = "0.1.0";
    manager_after.problems = {{.code = "a", .text = "b"}};
    manager_after.holds = {{.uuid = DomainUuid{web1_uuid}, .owner = ":1.7", .reason = "x"}};
    DomainView domain_after;
    domain_after.uuid = DomainUuid{web1_uuid};
    domain_after.last_error = {"a", "b"};
    domain_after.satisfied = false;
    domain_after.shortfall = {"no-room", "It has no room."};
    domain_after.holds = manager_after.holds;
    domain_after.displaced = {"a"};
    domain_after.displaced_by = {"b"};
    service->publish(manager_after, {domain_after});
    ASSERT_EQ(changes(manager_path).size(), 1U);
    EXPECT_EQ(changes(manager_path).front().size(), 11U);
    ASSERT_EQ(changes(web1_path).size(), 1U);
    EXPECT_EQ(changes(web1_path).front().size(), 21U);
}

TEST_F(BusProperties, DomainsComeAndGoAsObjects)
{
    auto second = web1_view();
    second.uuid = DomainUuid{"00000000-0000-0000-0000-000000000002"};
    second.name = "db/../1"; // names never reach a path
    const std::string second_path{"/org/virtpind1/domain/_00000000_0000_0000_0000_000000000002"};
    service->publish(manager_view(), {web1_view(), second});
    service->publish(manager_view(), {second});
    EXPECT_EQ(members(manager_path),
              (std::vector<std::string>{"InterfacesAdded", "InterfacesRemoved"}));

    auto& added = client->signals.at(0).message;
    const char* path = nullptr;
    sd_bus_message_rewind(added.get(), 1);
    ASSERT_GT(sd_bus_message_read(added.get(), "o", &path), 0);
    EXPECT_EQ(path, second_path);
    auto& removed = client->signals.at(1).message;
    sd_bus_message_rewind(removed.get(), 1);
    ASSERT_GT(sd_bus_message_read(removed.get(), "o", &path), 0);
    EXPECT_STREQ(path, web1_path);
    EXPECT_EQ(client->call(web1_path, domain, "Explain", "").error,
              "org.freedesktop.DBus.Error.UnknownObject");

    const auto objects =
        client->call(manager_path, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
    auto* message = objects.message.get();
    ASSERT_GT(sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}"), 0);
    ASSERT_GT(sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}"), 0);
    ASSERT_GT(sd_bus_message_read(message, "o", &path), 0);
    EXPECT_EQ(path, second_path);
}

TEST_F(BusProperties, AppliedIsSentByTheDomain)
{
    service->applied(DomainUuid{web1_uuid}, 4, "partial", {{"vcpus", std::uint32_t{2}}});
    service->applied(DomainUuid{"00000000-0000-0000-0000-000000000009"}, 1, "pinned", {});
    EXPECT_EQ(members(web1_path), std::vector<std::string>{"Applied"});
    auto& signal = client->signals.at(0).message;
    sd_bus_message_rewind(signal.get(), 1);
    std::uint64_t generation = 0;
    std::uint32_t vcpus = 0;
    const char *result = nullptr, *key = nullptr;
    ASSERT_GT(
        sd_bus_message_read(signal.get(), "tsa{sv}", &generation, &result, 1, &key, "u", &vcpus),
        0);
    EXPECT_EQ(generation, 4U);
    EXPECT_STREQ(result, "partial");
    EXPECT_EQ(vcpus, 2U);
}

} // namespace
} // namespace virtpind::bus::test
