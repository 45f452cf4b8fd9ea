// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology/host_facts_reader.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace virtpind::test {

namespace {

namespace fs = std::filesystem;

class HostFactsReader : public testing::Test {
protected:
    void write(const std::string& file, const std::string& text)
    {
        const auto path = folder_.path() / file;
        fs::create_directories(path.parent_path());
        std::ofstream{path} << text;
    }

    HostFacts read()
    {
        return read_host_facts({.root = folder_.path(), .wait = [this] {
                                    if (later_) {
                                        later_();
                                    }
                                    return 500U;
                                }});
    }

    TemporaryFolder folder_;
    std::function<void()> later_; // what happens between two readings
};

TEST_F(HostFactsReader, ReadsSettingsOfTheKernel)
{
    write("proc/cmdline", "quiet isolcpus=2-3\n");
    write("sys/kernel/mm/ksm/run", "1\n");
    write("proc/sys/kernel/numa_balancing", "0\n");
    write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    write("sys/kernel/sched_ext/state", "enabled\n");
    write("sys/kernel/sched_ext/root/ops", "lavd\n");
    write("proc/sys/kernel/sched_rt_runtime_us", "-1\n");
    write("proc/meminfo", "MemTotal: 1 kB\nSwapTotal:  4096 kB\nSwapFree:  1024 kB\n");
    const auto facts = read();
    EXPECT_EQ(facts.cmdline.value, "quiet isolcpus=2-3");
    EXPECT_EQ(facts.ksm.value, true);
    EXPECT_EQ(facts.numa_balancing.value, false);
    EXPECT_EQ(facts.thp.value, "madvise");
    EXPECT_EQ(facts.sched_ext.value, "lavd");
    EXPECT_EQ(facts.rt_throttling.value, false);
    ASSERT_TRUE(facts.swap.value);
    EXPECT_EQ(facts.swap.value->used_kib, 3072U);
}

TEST_F(HostFactsReader, TakesWhatTheKernelLacksForOff)
{
    const auto facts = read();
    EXPECT_EQ(facts.ksm.value, false);
    EXPECT_EQ(facts.sched_ext.value, "");
    ASSERT_TRUE(facts.governors.value);
    EXPECT_TRUE(facts.governors.value->empty());
}

TEST_F(HostFactsReader, SaysWhyAFactIsMissing)
{
    const auto facts = read();
    EXPECT_FALSE(facts.cmdline.value);
    EXPECT_EQ(facts.cmdline.reason, "/proc/cmdline is not there");
    EXPECT_EQ(facts.units.reason, "control groups v2 are not mounted");
    EXPECT_EQ(facts.interrupts.reason, "/proc/interrupts is not readable");
}

TEST_F(HostFactsReader, ReadsWhereUnitsAreKept)
{
    write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n");
    write("sys/fs/cgroup/system.slice/cpuset.cpus", "0,8\n");
    write("sys/fs/cgroup/system.slice/cpuset.cpus.effective", "0,8\n");
    write("sys/fs/cgroup/user.slice/cpuset.cpus", "\n");
    write("sys/fs/cgroup/user.slice/cpuset.cpus.effective", "0-15\n");
    const auto facts = read();
    ASSERT_TRUE(facts.units.value);
    ASSERT_EQ(facts.units.value->size(), 2U);
    EXPECT_EQ(facts.units.value->at(0).cpus, cpus("0,8"));
    EXPECT_TRUE(facts.units.value->at(1).cpus.empty());
}

TEST_F(HostFactsReader, ReadsGovernorsOfCpusAlone)
{
    write("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n");
    write("sys/devices/system/cpu/cpu3/cpufreq/scaling_driver", "intel_pstate\n");
    write("sys/devices/system/cpu/cpu3/cpufreq/energy_performance_preference", "power\n");
    write("sys/devices/system/cpu/cpuidle/cpufreq/scaling_governor", "menu\n");
    write("sys/devices/system/cpu/cpu99999/cpufreq/scaling_governor", "powersave\n");
    const auto facts = read();
    ASSERT_TRUE(facts.governors.value);
    ASSERT_EQ(facts.governors.value->size(), 1U);
    EXPECT_EQ(facts.governors.value->front().cpu, CpuId{3});
    EXPECT_EQ(facts.governors.value->front().preference, "power");
}

TEST_F(HostFactsReader, ReadsTheDeepestSleepThatIsAllowed)
{
    const auto state = [this](int cpu, int number, const char* name, const char* latency,
                              const char* disable) {
        const auto folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpuidle/state" +
                            std::to_string(number) + "/";
        write(folder + "name", name);
        write(folder + "latency", latency);
        write(folder + "disable", disable);
    };
    state(2, 0, "POLL\n", "0\n", "0\n");
    state(2, 1, "C1\n", "2\n", "0\n");
    state(2, 2, "C6\n", "133\n", "0\n");
    state(2, 3, "C10\n", "890\n", "1\n");
    state(3, 0, "POLL\n", "0\n", "0\n");
    state(4, 1, "C1\n", "x\n", "0\n");
    const auto facts = read();
    ASSERT_TRUE(facts.idle_states.value);
    ASSERT_EQ(facts.idle_states.value->size(), 1U);
    EXPECT_EQ(facts.idle_states.value->front().cpu, CpuId{2});
    EXPECT_EQ(facts.idle_states.value->front().name, "C6");
    EXPECT_EQ(facts.idle_states.value->front().wake_usec, 133U);
}

TEST_F(HostFactsReader, ReadsMasksOfUnboundWork)
{
    EXPECT_EQ(read().workqueue_cpus.reason, "/sys/devices/virtual/workqueue/cpumask is not there");
    for (const auto& [mask, list] :
         {std::pair{"ffff\n", "0-15"}, std::pair{"3,00000001\n", "0,32-33"}, std::pair{"zz\n", ""},
          std::pair{"\n", ""}}) {
        write("sys/devices/virtual/workqueue/cpumask", mask);
        EXPECT_EQ(read().workqueue_cpus.value, cpus(list)) << mask;
    }
}

TEST_F(HostFactsReader, ReadsHowLongKvmPolls)
{
    EXPECT_FALSE(read().halt_poll_nsec.value) << "KVM is not loaded";
    write("sys/module/kvm/parameters/halt_poll_ns", "200000\n");
    EXPECT_EQ(read().halt_poll_nsec.value, 200'000U);
}

TEST_F(HostFactsReader, FindsDaemonsByName)
{
    write("proc/17/comm", "numad\n");
    write("proc/18/comm", "numad\n");
    write("proc/19/comm", "bash\n");
    write("proc/self/comm", "irqbalance\n");
    EXPECT_EQ(read().daemons.value, std::vector<std::string>{"numad"});
}

TEST_F(HostFactsReader, FindsHooksThatPlaceThreadsAndNoComments)
{
    write("etc/libvirt/hooks/qemu", "#!/bin/sh\n# taskset is not used\nsystemctl set-property "
                                    "--runtime -- user.slice AllowedCPUs=0,8\n");
    write("etc/libvirt/hooks/qemu.d/win11/prepare/begin/cpu.sh", "cset shield -c 1\n");
    const auto facts = read();
    ASSERT_TRUE(facts.hooks.value);
    ASSERT_EQ(facts.hooks.value->size(), 2U);
    EXPECT_EQ(facts.hooks.value->at(0).path, "/etc/libvirt/hooks/qemu");
    EXPECT_EQ(facts.hooks.value->at(0).line, 3U);
    EXPECT_EQ(facts.hooks.value->at(0).word, "AllowedCPUs");
    EXPECT_EQ(facts.hooks.value->at(1).word, "cset");
}

TEST_F(HostFactsReader, MeasuresHowOftenInterruptsCome)
{
    const auto count = [this](const std::string& of_45) {
        write("proc/interrupts", "      CPU0 CPU1\n 45:  10 " + of_45 +
                                     " PCI-MSI eth0\n 46: 5 5 PCI-MSI idle\nLOC: 1 2 timer\n");
    };
    count("20");
    write("proc/irq/45/smp_affinity_list", "0-1\n");
    write("proc/irq/45/effective_affinity_list", "1\n");
    fs::create_directories(folder_.path() / "proc/irq/45/eth0");
    write("proc/irq/46/smp_affinity_list", "0-1\n");
    later_ = [&] { count("220"); };
    const auto facts = read();
    ASSERT_TRUE(facts.interrupts.value);
    ASSERT_EQ(facts.interrupts.value->size(), 1U);
    const auto& one = facts.interrupts.value->front();
    EXPECT_EQ(one.device, "eth0");
    EXPECT_EQ(one.per_second, 400U);
    EXPECT_EQ(one.effective, cpus("1"));
}

TEST_F(HostFactsReader, ReadsTunedAndIrqbalance)
{
    write("etc/tuned/active_profile", "cpu-partitioning\n");
    write("etc/default/irqbalance",
          "#IRQBALANCE_BANNED_CPULIST=9\nIRQBALANCE_BANNED_CPULIST=\"1-2\"\n");
    const auto facts = read();
    EXPECT_EQ(facts.tuned_profile.value, "cpu-partitioning");
    EXPECT_EQ(facts.irqbalance_banned.value, cpus("1-2"));
}

// Files may be longer, or other, than what the kernel writes.
TEST_F(HostFactsReader, ReadsFilesWithLimits)
{
    write("proc/cmdline", std::string(1024 * 1024, 'x'));
    write("proc/interrupts", "45");
    write("sys/fs/cgroup/cgroup.controllers", "");
    write("sys/fs/cgroup/system.slice/cpuset.cpus", "all of them\n");
    const auto facts = read();
    EXPECT_EQ(facts.cmdline.reason, "/proc/cmdline is not readable");
    EXPECT_FALSE(facts.interrupts.value);
    ASSERT_TRUE(facts.units.value);
    EXPECT_TRUE(facts.units.value->front().cpus.empty());
}

} // namespace

} // namespace virtpind::test
