// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests and others in slices below machine.slice and beside it, as <resource><partition> has them.
#include "daemon/isolate_helper/guest_groups_reader.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/played_groups.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind {
namespace {

using test::cpus;
using test::played_scope;
using test::PlayedGroups;

const std::string web1 = played_scope(1, "web1");
const std::string db1 = played_scope(2, "db1");
const std::string line = "isolate " + web1 + " vcpu0=2";

std::string ask(const PlayedGroups& host, const std::string& request = line)
{
    return format_isolation_answer(answer_request(host.open(), request));
}

Result<IsolationHost> read(const PlayedGroups& host)
{
    const auto folders = host.open();
    return read_isolation_host(folders.cgroups, folders.sys);
}

TEST(GuestGroups, OfEverySliceKeepACpuOfTheirPins)
{
    for (const auto* const slice : {"machine.slice/machine-prod.slice",
                                    "machine.slice/machine-prod.slice/machine-prod-db.slice",
                                    "prod.slice", "prod.slice/prod-db.slice", "system.slice"}) {
        PlayedGroups host;
        host.add_guest(web1, {{"vcpu0", "2"}});
        host.add_guest(db1, {{"vcpu0", "2"}, {"emulator", "0-7"}}, slice);
        EXPECT_EQ(ask(host), "refused others-pinned 2 : vcpu0 of " + db1) << slice;
        EXPECT_EQ(host.partition(web1, "vcpu0"), "member") << slice;
        host.write(std::string{slice} + "/" + db1 + "/libvirt/vcpu0/cpuset.cpus", "2-3");
        EXPECT_EQ(ask(host), "isolated 2") << slice;
    }
}

TEST(GuestGroups, OfOtherSlicesAreNobodyToIsolate)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}}, "machine.slice/machine-prod.slice");
    EXPECT_EQ(ask(host), "refused no-guest");
    EXPECT_TRUE(read(host).value().guests.empty());
}

TEST(GuestGroups, ThatOthersHaveIsolatedAreKept)
{
    const std::string group = "machine.slice/machine-prod.slice";
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    host.add_guest(db1, {{"vcpu0", "2-4"}}, group);
    host.write(group + "/" + db1 + "/cpuset.cpus.exclusive", "2");
    EXPECT_EQ(ask(host), "refused others-isolated 2");
    host.write(group + "/" + db1 + "/cpuset.cpus.exclusive", "3");
    EXPECT_EQ(ask(host), "isolated 2");
    EXPECT_EQ(host.text("machine.slice/cpuset.cpus.exclusive"), "2-3"); // or theirs would end

    PlayedGroups foreign; // machine.slice has no say in theirs
    foreign.add_guest(web1, {{"vcpu0", "2"}});
    foreign.add_guest(db1, {{"vcpu0", "2-4"}}, "prod.slice");
    foreign.write("prod.slice/" + db1 + "/cpuset.cpus.exclusive", "3");
    EXPECT_EQ(ask(foreign), "isolated 2");
    EXPECT_EQ(foreign.text("machine.slice/cpuset.cpus.exclusive"), "2");
    EXPECT_EQ(ask(foreign, "isolate " + web1), "isolated");
    foreign.write("prod.slice/" + db1 + "/cpuset.cpus.exclusive", "2");
    EXPECT_EQ(ask(foreign), "refused others-isolated 2");
}

TEST(GuestGroups, CountContainersAndSlicesThatAreNarrowed)
{
    const std::string slice = "machine.slice/machine-box.slice";
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    host.write(slice + "/machine-box.scope/cpuset.cpus", "2");
    EXPECT_EQ(ask(host), "refused others-pinned 2 : machine-box.scope");
    host.write(slice + "/machine-box.scope/cpuset.cpus", "");
    host.write(slice + "/cpuset.cpus", "2");
    EXPECT_EQ(ask(host), "refused others-pinned 2 : machine-box.slice");
}

TEST(GuestGroups, AreNotLookedForAmongWhatUsersMake)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    host.add_guest(db1, {{"vcpu0", "2"}}, "user.slice/user-1000.slice");
    EXPECT_EQ(ask(host), "isolated 2");
}

TEST(GuestGroups, HaveALimitOfDepth)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    std::string slice = "machine.slice";
    for (auto depth = 0; depth < 15; ++depth) {
        slice += "/deep.slice";
    }
    host.add_guest(db1, {{"vcpu0", "4"}}, slice);
    EXPECT_EQ(read(host).value().others.at("vcpu0 of " + db1), cpus("4"));
    host.add_guest(db1, {{"vcpu0", "4"}}, slice + "/deep.slice");
    EXPECT_EQ(read(host).error().code, Errc::limits_exceeded);
    EXPECT_TRUE(ask(host).starts_with("refused failed : more than 16 slices"));
}

} // namespace
} // namespace virtpind
