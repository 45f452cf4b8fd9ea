// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/cpu_sets.hpp"
#include "tests/support/doctor_case.hpp"

namespace virtpind::test {

namespace {

// Cores 0-7 with CPUs n and n+8.
Topology eight_cores()
{
    return regular_host({.l3s = 2});
}

ObservedDomain runs_on(const std::string& pins)
{
    return seen(
        {.vcpus = 2, .pins = pins, .emulator = "0,8", .cpu = shape(1, 1, 1, 2), .runs = true});
}

template <class Change>
DoctorCase with(Change change, const std::string& pins = "1 9")
{
    DoctorCase made{eight_cores(), {runs_on(pins)}};
    change(made);
    return made;
}

template <class T>
Measured<T> of(T value)
{
    return Measured<T>::of(std::move(value));
}

DoctorCase with_cmdline(const std::string& text)
{
    return with([&](DoctorCase& c) { c.facts.cmdline = of(text); });
}

DoctorCase with_isolated(const std::string& list)
{
    return with([&](DoctorCase& c) { c.host.isolated = cpus(list); });
}

DoctorCase with_daemons(std::vector<std::string> names, const std::string& banned = {})
{
    return with([&](DoctorCase& c) {
        c.facts.daemons = of(std::move(names));
        c.facts.irqbalance_banned = of(cpus(banned));
    });
}

DoctorCase with_hooks(std::vector<HookLine> lines)
{
    return with([&](DoctorCase& c) { c.facts.hooks = of(std::move(lines)); });
}

DoctorCase with_profile(const std::string& name)
{
    return with([&](DoctorCase& c) { c.facts.tuned_profile = of(name); });
}

// system.slice is kept to `list`, and nothing that is pinned runs.
DoctorCase with_unit(const std::string& list)
{
    return with([&](DoctorCase& c) {
        c.guests.clear();
        c.facts.units = of(std::vector<UnitCpus>{
            {.unit = "system.slice", .cpus = cpus(list), .effective = cpus(list)}});
    });
}

DoctorCase with_interrupt(const std::string& effective, std::uint64_t per_second,
                          const std::string& device = "eth0")
{
    return with([&](DoctorCase& c) {
        c.facts.interrupts = of(std::vector<Interrupt>{{.name = "45",
                                                        .device = device,
                                                        .effective = cpus(effective),
                                                        .allowed = cpus("0-15"),
                                                        .per_second = per_second}});
    });
}

DoctorCase with_governor(const std::string& governor, const std::string& preference)
{
    return with([&](DoctorCase& c) {
        c.facts.governors = of(std::vector<CpuGovernor>{
            {.cpu = CpuId{9}, .driver = "any", .governor = governor, .preference = preference}});
    });
}

DoctorCase with_sleep(const std::string& name, std::uint64_t usec)
{
    return with([&](DoctorCase& c) {
        c.facts.idle_states = of(std::vector<IdleState>{
            {.cpu = CpuId{0}, .name = "C10", .wake_usec = 890}, // no guest is there
            {.cpu = CpuId{9}, .name = name, .wake_usec = usec}});
    });
}

DoctorCase with_work_on(const std::string& list)
{
    return with([&](DoctorCase& c) { c.facts.workqueue_cpus = of(cpus(list)); });
}

DoctorCase with_numa_balancing(std::uint32_t packages)
{
    return with([&](DoctorCase& c) {
        c.host = regular_host({.packages = packages});
        c.facts.numa_balancing = of(true);
    });
}

DoctorCase with_thp(const std::string& word)
{
    return with([&](DoctorCase& c) {
        c.guests = {
            seen({.vcpus = 2, .pins = "1 9", .emulator = "0", .devices = gpu(), .runs = true})};
        c.facts.thp = of(word);
    });
}

DoctorCase l3_nodes(std::uint32_t distance)
{
    return with([&](DoctorCase& c) {
        c.host = regular_host({.nodes = 2});
        c.host.distance = {{10, distance}, {distance, 10}};
    });
}

DoctorCase with_warning(std::vector<std::string> warnings)
{
    return with([&](DoctorCase& c) { c.host.warnings = std::move(warnings); });
}

// Long: one table, a row for each fault and its absence.
const std::vector<FaultRow>& rows()
{
    static const std::vector<FaultRow> all{
        {Check::host_cmdline_cpus, with_cmdline("quiet isolcpus=domain,managed_irq,8-31 ro"),
         with_cmdline("isolcpus=8-15 nohz_full=1-N"), "isolcpus names CPUs 16-31"},
        {Check::host_isolcpus_overlap, with_isolated("1,9,2,10"), with_isolated("1,9"),
         "CPUs 2,10 are isolated"},
        {Check::host_competing_tool, with_daemons({"numad"}), with_daemons({"sshd"}), "numad runs"},
        {Check::host_competing_tool, with_daemons({"irqbalance"}),
         with_daemons({"irqbalance"}, "1,9"), "CPUs 1,9, which guests have"},
        {Check::host_competing_tool,
         with_hooks({{.path = "/etc/libvirt/hooks/qemu", .line = 12, .word = "AllowedCPUs"}}),
         with_hooks({}), "/etc/libvirt/hooks/qemu uses AllowedCPUs"},
        {Check::host_competing_tool, with_profile("realtime-virtual-host"),
         with_profile("virtual-host"), "realtime-virtual-host"},
        {Check::host_leftover_isolation, with_unit("0,8"), with_unit("0-15"),
         "system.slice is kept to CPUs 0,8"},
        {Check::host_scx_loaded,
         with([](DoctorCase& c) { c.facts.sched_ext = of<std::string>("lavd"); }),
         with([](DoctorCase& c) { c.facts.sched_ext = of<std::string>(""); }), "lavd"},
        {Check::host_irq_on_vm_cores, with_interrupt("9", 1000), with_interrupt("0", 1000),
         "45 (eth0, 1000/s) on CPU 9"},
        {Check::host_irq_on_vm_cores, with_interrupt("9", 1000), with_interrupt("9", 3), "45"},
        {Check::host_irq_on_vm_cores, with_interrupt("9", 1000),
         with_interrupt("9", 1000, "vfio-msix[0](0000:01:00.0)"), "45"},
        {Check::host_governor, with_governor("powersave", ""),
         with_governor("powersave", "balance_performance"), "CPU 9 uses 'powersave'"},
        {Check::host_cstate_deep, with_sleep("C6", 133), with_sleep("C1E", 10),
         "CPU 9 sleeps in 'C6', 133 us from waking"},
        {Check::host_workqueue, with_work_on("0-15"), with_work_on("0,2-8,10-15"),
         "unbound work may run on CPUs 1,9"},
        {Check::host_halt_poll,
         with([](DoctorCase& c) { c.facts.halt_poll_nsec = of(std::uint64_t{0}); }),
         with([](DoctorCase& c) { c.facts.halt_poll_nsec = of(std::uint64_t{200'000}); }),
         "does not poll"},
        {Check::host_ksm, with([](DoctorCase& c) { c.facts.ksm = of(true); }),
         with([](DoctorCase& c) { c.facts.ksm = of(false); }), "merges equal pages"},
        {Check::host_autonuma, with_numa_balancing(2), with_numa_balancing(1), "moves memory"},
        {Check::host_thp, with_thp("never"), with_thp("madvise"), "never"},
        {Check::host_swap, with([](DoctorCase& c) {
             c.facts.swap = of(SwapUse{.total_kib = 4096, .used_kib = 2048});
         }),
         with([](DoctorCase& c) { c.facts.swap = of(SwapUse{.total_kib = 4096, .used_kib = 0}); }),
         "2 of 4 MiB of swap"},
        {Check::host_l3_as_numa, l3_nodes(11), l3_nodes(16), "2 NUMA nodes, each of one L3"},
        {Check::host_classify_lowconf, with_warning({"The kinds are guessed."}), with_warning({}),
         "The kinds are guessed"},
    };
    return all;
}

class HostFault : public testing::TestWithParam<FaultRow> {};

TEST_P(HostFault, IsToldOnlyWhereItIs)
{
    expect_told_only_where_it_is(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Doctor, HostFault, testing::ValuesIn(rows()), row_name);

TEST(HostFault, OfUnboundWorkNamesTheMaskOfTheOthers)
{
    const auto found = examined(with_work_on("0-15"));
    ASSERT_NE(find(found, Check::host_workqueue), nullptr) << names_of(found);
    EXPECT_EQ(find(found, Check::host_workqueue)->fix,
              "echo fdfd > /sys/devices/virtual/workqueue/cpumask");
}

TEST(HostFault, OfDeepSleepNamesTheCpus)
{
    const auto found = examined(with_sleep("C6", 170));
    ASSERT_NE(find(found, Check::host_cstate_deep), nullptr) << names_of(found);
    EXPECT_EQ(find(found, Check::host_cstate_deep)->fix, "cpupower -c 9 idle-set -D 100");
}

// What the host's owner keeps interrupts off stays free of them.
TEST(HostFault, OfInterruptsKeepsWhatIsBanned)
{
    const auto found = examined(with_daemons({"irqbalance"}, "1,14"));
    ASSERT_NE(find(found, Check::host_competing_tool), nullptr) << names_of(found);
    EXPECT_EQ(find(found, Check::host_competing_tool)->fix,
              "IRQBALANCE_BANNED_CPULIST=1,9,14 in /etc/default/irqbalance");
}

TEST(HostFault, OfSeveralGuestsIsASentence)
{
    auto two = with_thp("never");
    two.guests.push_back(seen({.name = "build",
                               .vcpus = 2,
                               .pins = "2 10",
                               .emulator = "0",
                               .devices = gpu(),
                               .runs = true}));
    const auto found = examined(two);
    ASSERT_NE(find(found, Check::host_thp), nullptr) << names_of(found);
    EXPECT_NE(find(found, Check::host_thp)->evidence.find("have no hugepages of their own"),
              std::string::npos);
}

// systemd keeps cpuset.cpus as it was when AllowedCPUs is reset to nothing.
TEST(HostFault, LeftoverIsUndoneByTheWholeList)
{
    auto what = with_unit("0,8");
    what.host.cpus[7].online = false; // it belongs to the list all the same
    EXPECT_EQ(find(examined(what), Check::host_leftover_isolation)->fix,
              "systemctl set-property --runtime system.slice AllowedCPUs=0-15");
}

TEST(HostFault, IsolationWhileAPinnedGuestRunsIsMeant)
{
    auto what = with_unit("0,8");
    what.guests = {runs_on("1 9")};
    EXPECT_EQ(find(examined(what), Check::host_leftover_isolation), nullptr);
}

TEST(HostFault, ThatNeedsAllGuestsIsNotGuessedFromSome)
{
    auto what = with_unit("0,8");
    what.sees_all_guests = false;
    const auto found = examined(what);
    EXPECT_EQ(find(found, Check::host_leftover_isolation), nullptr);
    EXPECT_TRUE(std::any_of(
        found.not_measured.begin(), found.not_measured.end(),
        [](const NotMeasured& one) { return one.check == Check::host_leftover_isolation; }));
}

TEST(HostFault, ToolsMatterOnlyBesideGuestsThatArePinned)
{
    auto what = with_daemons({"numad"});
    what.guests = {seen({.runs = true})};
    EXPECT_EQ(find(examined(what), Check::host_competing_tool), nullptr);
}

TEST(HostFault, OfFactsThatAreMissingSaysWhy)
{
    DoctorCase what{eight_cores(), {runs_on("1 9")}};
    what.facts = HostFacts::not_known("the service may not look");
    const auto found = examined(what);
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
    EXPECT_GE(found.not_measured.size(), 10U);
    for (const auto& one : found.not_measured) {
        EXPECT_EQ(one.reason, "the service may not look");
    }
}

TEST(HostFault, InterruptsAreMovedToCpusOfNoGuest)
{
    EXPECT_EQ(find(examined(with_interrupt("9", 1000)), Check::host_irq_on_vm_cores)->fix,
              "echo 0,2-8,10-15 > /proc/irq/45/smp_affinity_list");
}

} // namespace

} // namespace virtpind::test
