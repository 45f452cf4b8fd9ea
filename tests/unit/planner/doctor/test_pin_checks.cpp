// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/cpu_sets.hpp"
#include "tests/support/doctor_case.hpp"

namespace virtpind::test {

namespace {

// Cores 0-7 with CPUs n and n+8, two L3s of four cores.
Topology two_l3s()
{
    return regular_host({.l3s = 2});
}

Topology two_nodes()
{
    return regular_host({.packages = 2});
}

Topology with_offline(const std::string& list)
{
    auto host = two_l3s();
    for (auto& cpu : host.cpus) {
        cpu.online = !cpus(list).contains(cpu.id);
    }
    return host;
}

Topology with_cgroup(const std::string& list)
{
    auto host = two_l3s();
    for (auto& cpu : host.cpus) {
        cpu.allowed = cpus(list).contains(cpu.id);
    }
    return host;
}

Topology with_isolated(const std::string& list)
{
    auto host = two_l3s();
    host.isolated = cpus(list);
    return host;
}

Topology with_vcache()
{
    auto host = two_l3s();
    host.l3s[0].vcache = true;
    host.l3s[0].size_bytes = 96U << 20U;
    return host;
}

Topology with_device(const std::string& nodes)
{
    auto host = two_nodes();
    host.devices.push_back({.address = "0000:01:00.0",
                            .label = "GPU",
                            .cpus = host.cpus_of(NodeSet::parse(nodes).value()),
                            .nodes = NodeSet::parse(nodes).value()});
    return host;
}

// Efficiency cores 8-15 after four performance cores, in clusters of four with one L2.
Topology hybrid()
{
    auto host = hybrid_host(4, 8);
    for (std::uint32_t first = 8; first < 16; first += 4) {
        host.caches.push_back(
            {.level = 2, .size_bytes = 1, .cpus = CpuSet::range(first, first + 3)});
    }
    return host;
}

ObservedDomain pinned(const std::string& pins, const std::string& cpu = shape(1, 1, 2, 2),
                      const std::string& emulator = "7,15")
{
    GuestText text{.pins = pins, .emulator = emulator, .cpu = cpu};
    text.vcpus = static_cast<unsigned>(std::count(pins.begin(), pins.end(), ' ') + 1);
    return seen(text);
}

ObservedDomain running(const std::string& name, const std::string& pins)
{
    return seen({.name = name, .pins = pins, .cpu = shape(1, 1, 2, 2), .runs = true});
}

ObservedDomain live_pins_differ(const std::string& live)
{
    auto domain = running("a", "1 9 2 10");
    domain.running->pins.vcpus[VcpuId{0}] = cpus(live);
    return domain;
}

ObservedDomain affinity_differs(const std::string& affinity)
{
    auto domain = running("a", "1 9 2 10");
    domain.running->affinities = std::map<VcpuId, CpuSet>{{VcpuId{0}, cpus(affinity)}};
    return domain;
}

ObservedDomain plugged_in(const std::string& pins)
{
    auto domain = seen({.pins = pins, .attributes = "current='2'", .runs = true});
    domain.facts.vcpus_online = vcpus("0-2");
    return domain;
}

// Long: one table, a row for each fault and its absence.
const std::vector<FaultRow>& rows()
{
    static const std::vector<FaultRow> all{
        {Check::pin_none,
         {two_l3s(), {seen({.devices = gpu()})}},
         {two_l3s(), {seen({})}},
         "0000:01:00.0"},
        {Check::pin_missing_cpu,
         {two_l3s(), {pinned("1 9 2 31")}},
         {two_l3s(), {pinned("1 9 2 10")}},
         "vCPU 3 is pinned to CPU 31, which this host does not have"},
        {Check::pin_offline_cpu,
         {with_offline("10"), {pinned("1 9 2 10")}},
         {with_offline("11"), {pinned("1 9 2 10")}},
         "vCPU 3 is pinned to CPU 10, which is offline"},
        {Check::pin_offline_cpu,
         {with_offline("9-10"), {pinned("1 9 2 10")}},
         {with_offline("11"), {pinned("1 9 2 10")}},
         "vCPU 1 is pinned to CPU 9, vCPU 3 is pinned to CPU 10, which are offline"},
        {Check::pin_outside_cgroup,
         {with_cgroup("0-7"), {pinned("1 9 2 10")}},
         {with_cgroup("0-15"), {pinned("1 9 2 10")}},
         "CPU 9, vCPU 3"},
        {Check::pin_smt_mismatch,
         {two_l3s(), {pinned("0 1 2 3")}},
         {two_l3s(), {pinned("0 8 1 9")}},
         "2 of 2 guest cores are split"},
        {Check::pin_smt_mismatch,
         {two_l3s(), {pinned("1 9 2 3")}},
         // Each vCPU has a core of its own, or floats: nobody copied a numbering.
         {two_l3s(), {pinned("0,8 1,9 2,10 3,11")}},
         "1 of 2 guest cores is split: vCPUs 2-3"},
        {Check::pin_smt_split,
         {two_l3s(), {pinned("1 2 9 10", shape(1, 1, 4, 1))}},
         {two_l3s(), {pinned("1 2 3 4", shape(1, 1, 4, 1))}},
         "vCPUs 0,2 are on CPUs 1,9"},
        {Check::cpu_threads_not_host,
         {two_l3s(), {pinned("1 9 2 10", shape(1, 1, 4, 1))}},
         {two_l3s(), {pinned("1 9 2 10")}},
         "vCPUs 0-1 are on CPUs 1,9"},
        {Check::cpu_threads_not_host,
         {two_l3s(), {seen({.vcpus = 6, .cpu = shape(1, 1, 2, 3)})}},
         {two_l3s(), {seen({.vcpus = 6, .cpu = shape(1, 1, 3, 2)})}},
         "3 threads per core, and this host's cores have 2"},
        {Check::host_smt_off,
         {regular_host({.threads = 1}), {pinned("0 1")}},
         {regular_host({.threads = 2}), {pinned("0 4")}},
         "2 threads in a core"},
        {Check::pin_smt_shared_foreign,
         {two_l3s(), {running("a", "1 2"), running("b", "9 10")}},
         {two_l3s(), {running("a", "1 9"), running("b", "2 10")}},
         "b is on 9-10"},
        {Check::pin_smt_shared_foreign,
         {two_l3s(), {pinned("1 2", shape(1, 1, 2, 1), "9-10")}},
         {two_l3s(), {pinned("1 2", shape(1, 1, 2, 1), "3,11")}},
         "the emulator is on 9-10"},
        {Check::pin_dup,
         {two_l3s(), {pinned("1 1 2 10")}},
         {two_l3s(), {pinned("1 9 2 10")}},
         "vCPUs 0-1 are on CPU 1"},
        {Check::pin_overlap_vm,
         {two_l3s(), {running("a", "1 9"), running("b", "1 9")}},
         // Guests that are off may have the same CPUs.
         {two_l3s(), {running("a", "1 9"), pinned("1 9")}},
         "b has CPUs 1,9, too"},
        {Check::pin_cross_llc,
         {two_l3s(), {pinned("2 10 5 13")}},
         {two_l3s(), {pinned("4 12 5 13")}},
         "2 L3s (2+2) where 1 would do"},
        {Check::pin_cross_llc,
         {regular_host({.l3s = 2, .cores = 3}),
          {pinned("0 6 1 7 2 8 3 9", shape(1, 1, 4, 2), "5")}},
         {regular_host({.l3s = 2, .cores = 3}),
          {pinned("1 7 2 8 3 9 4 10", shape(1, 1, 4, 2), "5")}},
         "2 L3s, 6+2"},
        {Check::pin_llc_shared_with_host,
         {with_isolated("2-7,10-15"), {pinned("2 10 3 11")}},
         {with_isolated("2-7,10-15"), {pinned("4 12 5 13")}},
         "the host has 0-1,8-9 of its L3"},
        {Check::pin_cross_numa,
         {two_nodes(), {pinned("2 10 5 13")}},
         {two_nodes(), {pinned("4 12 5 13")}},
         "nodes 0-1 (2+2), and would fit on one"},
        {Check::pin_device_remote,
         {with_device("1"), {seen({.pins = "1 9 2 10", .devices = gpu()})}},
         {with_device("0"), {seen({.pins = "1 9 2 10", .devices = gpu()})}},
         "0000:01:00.0 is local to node 1"},
        {Check::pin_core_class_mixed,
         {hybrid(), {pinned("4 5 8 9", shape(1, 1, 4, 1), "10")}},
         {hybrid(), {pinned("4 5 6 7", shape(1, 1, 2, 2), "10")}},
         "vCPUs 2-3 are on efficiency cores"},
        {Check::pin_ecore_cluster_split,
         {hybrid(), {pinned("10 11 12 13", shape(1, 1, 4, 1), "0")}},
         {hybrid(), {pinned("12 13 14 15", shape(1, 1, 4, 1), "0")}},
         "2 clusters of efficiency cores where 1 would do"},
        {Check::pin_not_vcache,
         {with_vcache(), {pinned("2 10 5 13")}},
         {with_vcache(), {pinned("4 12 5 13")}},
         "fit on the V-cache's 0-3,8-11"},
        {Check::pin_cpu0, {two_l3s(), {pinned("0 8")}}, {two_l3s(), {pinned("1 9")}}, "CPU 0"},
        {Check::pin_cpu0, {two_l3s(), {pinned("0 8")}}, {hybrid(), {pinned("0 1")}}, "CPU 0"},
        {Check::pin_all_cores,
         {regular_host({.cores = 2}), {pinned("0 2 1 3")}},
         {regular_host({.cores = 4}), {pinned("0 4 1 5")}},
         "every CPU of this host"},
        {Check::pin_range,
         {two_l3s(), {pinned("0-3 8 1 9")}},
         // A pool, where they are meant to float.
         {two_l3s(), {pinned("0-3 0-3 0-3 0-3")}},
         "vCPU 0 of 4 vCPUs has several CPUs"},
        {Check::pin_range_on_isolcpus,
         {with_isolated("4-7,12-15"), {pinned("4-7 4-7")}},
         {with_isolated("4-7,12-15"), {pinned("4 12", shape(1, 1, 1, 2), "0")}},
         "vCPU 0 has 4-7"},
        {Check::pin_unpinned_vcpu_fallback,
         {two_l3s(), {pinned("1 9 2 -")}},
         {two_l3s(), {seen({})}},
         "vCPU 3 has no pin, and may run on every CPU"},
        {Check::pin_stale_vcpupin,
         {two_l3s(), {seen({.vcpus = 2, .pins = "1 9 2"})}},
         {two_l3s(), {seen({.vcpus = 3, .pins = "1 9 2"})}},
         "a pin for vCPU 2, and it has 2 vCPUs"},
        {Check::pin_live_not_config,
         {two_l3s(), {live_pins_differ("5")}},
         {two_l3s(), {live_pins_differ("1")}},
         "vCPU 0 is on 5 instead of 1"},
        {Check::pin_affinity_changed,
         {two_l3s(), {affinity_differs("5")}},
         {two_l3s(), {affinity_differs("1")}},
         "vCPU 0 may run on 5, and its pin is 1"},
        {Check::pin_hotplugged_unpinned,
         {two_l3s(), {plugged_in("1 9")}},
         {two_l3s(), {plugged_in("1 9 2")}},
         "vCPU 2 was plugged in"},
    };
    return all;
}

class PinFault : public testing::TestWithParam<FaultRow> {};

TEST_P(PinFault, IsToldOnlyWhereItIs)
{
    expect_told_only_where_it_is(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Doctor, PinFault, testing::ValuesIn(rows()), row_name);

TEST(PinFault, OfNoCpuThatIsLeftIsAnError)
{
    const auto dead = examined({two_l3s(), {pinned("1 9 2 31")}});
    const auto narrowed = examined({two_l3s(), {pinned("1 9 2 10,31")}});
    EXPECT_EQ(find(dead, Check::pin_missing_cpu)->severity, Severity::error);
    EXPECT_EQ(find(narrowed, Check::pin_missing_cpu)->severity, Severity::warning);
}

TEST(PinFault, LowPowerCoresAreAnError)
{
    auto host = hybrid();
    host.kinds[1].core_class = CoreClass::low_power;
    const auto found = examined({host, {pinned("8 9", shape(1, 1, 2, 1), "0")}});
    EXPECT_EQ(find(found, Check::pin_core_class_mixed)->severity, Severity::error);
}

TEST(PinFault, FixKeepsThePolicyThatTheGuestHas)
{
    auto guest = pinned("0 1 2 3");
    guest.facts.metadata.content.emplace(PolicySpec{.name = "passthrough", .options = {}});
    const auto found = examined({two_l3s(), {guest}});
    const auto* const split = find(found, Check::pin_smt_mismatch);
    ASSERT_NE(split, nullptr);
    EXPECT_EQ(split->fix, "virtpinctl set win11 passthrough smt=require");
    EXPECT_EQ(split->automatic->policy, "passthrough");
    EXPECT_EQ(split->automatic->options.count("smt"), 1U);
    // To set the policy once more would change nothing.
    const auto* const first = find(found, Check::pin_cpu0);
    ASSERT_NE(first, nullptr);
    EXPECT_FALSE(first->automatic);
    EXPECT_EQ(first->fix, "virtpinctl explain win11");
}

TEST(PinFault, FixQuotesNamesThatAShellWouldTakeApart)
{
    auto guest = pinned("0 1 2 3");
    guest.facts.name = "it's; reboot";
    const auto found = examined({two_l3s(), {guest}});
    EXPECT_EQ(find(found, Check::pin_smt_mismatch)->fix,
              "virtpinctl set 'it'\\''s; reboot' dedicated smt=require");
}

// A vCPU that cannot run does not hide where the others are.
TEST(PinFault, OfADeadPinLeavesTheOthersJudged)
{
    const auto found = examined({two_l3s(), {pinned("1 9 2 31", shape(1, 1, 2, 2), "1")}});
    EXPECT_NE(find(found, Check::emu_on_vcpu_cores), nullptr) << names_of(found);
    const auto apart = examined({two_nodes(), {pinned("1 9 5 31")}});
    ASSERT_NE(find(apart, Check::pin_cross_numa), nullptr) << names_of(apart);
    EXPECT_NE(find(apart, Check::pin_cross_numa)->evidence.find("(2+1)"), std::string::npos);
}

TEST(PinFault, OfTheServiceIsToldAsItSaysIt)
{
    const auto host = two_l3s();
    const auto guest = pinned("1 9 2 10");
    const auto found =
        examine({.topology = &host,
                 .guests = {guest},
                 .host = HostFacts::not_known("no test asked"),
                 .unsatisfied = {{guest.facts.uuid, "it floats: no 4 CPUs are free"}}});
    EXPECT_EQ(find(found, Check::policy_unsatisfied)->evidence, "it floats: no 4 CPUs are free");
    EXPECT_EQ(find(found, Check::policy_unsatisfied)->fix, "virtpinctl explain win11");
}

TEST(PinFault, GuestThatFloatsIsNotJudgedByCores)
{
    const auto found = examined({two_l3s(), {pinned("0-15 0-15 0-15 0-15")}});
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
}

// What no thread runs on is on no CPU.
TEST(PinFault, OfAMaskThatNobodyUsesIsNone)
{
    const auto host = with_isolated("4-7,12-15");
    // vCPU 2 is off.
    const auto off = examined(
        {host,
         {seen({.vcpus = 3, .pins = "4 12 4-7", .emulator = "0", .attributes = "current='2'"})}});
    EXPECT_EQ(find(off, Check::pin_range_on_isolcpus), nullptr) << names_of(off);
    // Each thread has a pin of its own.
    const GuestText own{
        .vcpus = 2, .pins = "4 12", .emulator = "0", .attributes = "cpuset='4-7,99'"};
    const auto unused = examined({host, {seen(own)}});
    EXPECT_EQ(find(unused, Check::pin_range_on_isolcpus), nullptr) << names_of(unused);
    EXPECT_EQ(find(unused, Check::pin_missing_cpu), nullptr) << names_of(unused);
    auto falls_back = own;
    falls_back.emulator = {};
    const auto used = examined({host, {seen(falls_back)}});
    EXPECT_NE(find(used, Check::pin_range_on_isolcpus), nullptr) << names_of(used);
    // All CPUs are what a thread without a pin has, too.
    const auto wide = examined({host, {seen({.vcpus = 2, .pins = "0-15 0-15"})}});
    EXPECT_EQ(find(wide, Check::pin_range_on_isolcpus), nullptr) << names_of(wide);
}

TEST(PinFault, OfAHostWithOneCpuIsNone)
{
    const auto found = examined({regular_host({.cores = 1, .threads = 1}),
                                 {seen({.vcpus = 1, .pins = "0", .emulator = "0"})}});
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
}

// Four cores do not fit into an L3 of three, whatever the guest takes their other threads for.
TEST(PinFault, OfGuestCoresWithAThreadThatStaysOffCountsCores)
{
    std::string listed = "<vcpus>";
    for (auto id = 0; id < 8; ++id) {
        listed += "<vcpu id='" + std::to_string(id) + "' enabled='" + (id % 2 == 0 ? "yes" : "no") +
                  "' hotpluggable='yes'/>";
    }
    const auto found = examined({regular_host({.l3s = 2, .cores = 3}),
                                 {seen({.vcpus = 8,
                                        .pins = "1 - 2 - 3 - 4 -",
                                        .emulator = "0,6",
                                        .cpu = shape(1, 1, 4, 2),
                                        .more = listed + "</vcpus>"})}});
    EXPECT_EQ(find(found, Check::pin_cross_llc), nullptr) << names_of(found);
}

// 12 of 12 threads of one L3, siblings together, QEMU on the other one: as it should be.
TEST(PinFault, GoodGuestHasNone)
{
    const auto found =
        examined({two_l3s(), {pinned("4 12 5 13 6 14 7 15", shape(1, 1, 4, 2), "0,8")}});
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
}

} // namespace

} // namespace virtpind::test
