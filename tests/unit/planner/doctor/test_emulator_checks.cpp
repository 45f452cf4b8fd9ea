// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/doctor_case.hpp"

namespace virtpind::test {

namespace {

Topology two_l3s()
{
    return regular_host({.l3s = 2});
}

Topology two_nodes()
{
    return regular_host({.packages = 2});
}

Topology with_vcache()
{
    auto host = two_l3s();
    host.l3s[0].vcache = true;
    host.l3s[0].size_bytes = 96U << 20U;
    return host;
}

ObservedDomain with_emulator(const std::string& emulator, const std::string& pins = "1 9 2 10")
{
    GuestText text{.pins = pins, .emulator = emulator};
    text.vcpus = static_cast<unsigned>(std::count(pins.begin(), pins.end(), ' ') + 1);
    text.cpu = shape(1, 1, text.vcpus / 2, 2);
    return seen(text);
}

ObservedDomain with_caches(const std::string& emulator)
{
    return seen({.pins = "1 9 2 10",
                 .emulator = emulator,
                 .cpu = shape(1, 1, 2, 2, "<cache mode='passthrough'/>")});
}

std::string disk(const std::string& target, const std::string& iothread = {})
{
    return "<disk type='file' device='disk'><driver name='qemu'" +
           (iothread.empty() ? "" : " iothread='" + iothread + "'") + "/><target dev='" + target +
           "' bus='virtio'/></disk>";
}

ObservedDomain with_iothread(const std::string& devices, const std::string& pin = {})
{
    return seen({.pins = "1 9 2 10",
                 .emulator = "3",
                 .cputune = pin,
                 .cpu = shape(1, 1, 2, 2),
                 .devices = devices,
                 .more = "<iothreads>1</iothreads>"});
}

// Long: one table, a row for each fault and its absence.
const std::vector<FaultRow>& rows()
{
    static const std::vector<FaultRow> all{
        {Check::emu_on_vcpu_cores,
         {two_l3s(), {with_emulator("1,9")}},
         {two_l3s(), {with_emulator("3,11")}},
         "the emulator has CPUs 1,9, where vCPUs are"},
        {Check::emu_unpinned,
         {two_l3s(), {with_emulator("")}},
         {two_l3s(), {with_emulator("3")}},
         "QEMU's own threads may run there, too"},
        {Check::emu_half_core,
         {two_l3s(), {with_emulator("3,9", "1 2")}},
         {two_l3s(), {with_emulator("3,11", "1 2")}},
         "the emulator may run on 9"},
        {Check::emu_far,
         {two_nodes(), {with_emulator("4")}},
         {two_nodes(), {with_emulator("3")}},
         "the emulator is on node 1"},
        {Check::emu_cpuid_source,
         {with_vcache(), {with_caches("4,12")}},
         {with_vcache(), {with_caches("3,11")}},
         "QEMU starts on CPUs 4,12"},
        {Check::io_iothread_unused,
         {two_l3s(), {with_iothread(disk("vda"))}},
         {two_l3s(), {with_iothread(disk("vda", "1"))}},
         "I/O thread 1"},
        {Check::io_iothread_missing,
         {two_l3s(), {with_iothread(disk("vda", "2"))}},
         {two_l3s(), {with_iothread(disk("vda", "1"))}},
         "a disk names I/O thread 2"},
        {Check::io_iothread_missing,
         {two_l3s(), {with_iothread("", "<iothreadpin iothread='7' cpuset='3'/>")}},
         {two_l3s(), {with_iothread("", "<iothreadpin iothread='1' cpuset='3'/>")}},
         "a pin is for I/O thread 7"},
        {Check::io_iothread_on_vcpu,
         {two_l3s(), {with_iothread("", "<iothreadpin iothread='1' cpuset='1'/>")}},
         {two_l3s(), {with_iothread("", "<iothreadpin iothread='1' cpuset='3'/>")}},
         "I/O thread 1 has 1"},
        {Check::io_no_iothread,
         {two_l3s(),
          {seen({.vcpus = 2, .pins = "1 9", .devices = gpu() + disk("vda") + disk("vdb")})}},
         // One disk has the main thread to itself.
         {two_l3s(), {seen({.vcpus = 2, .pins = "1 9", .devices = gpu() + disk("vda")})}},
         "vda, vdb have no I/O thread"},
    };
    return all;
}

class EmulatorFault : public testing::TestWithParam<FaultRow> {};

TEST_P(EmulatorFault, IsToldOnlyWhereItIs)
{
    expect_told_only_where_it_is(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Doctor, EmulatorFault, testing::ValuesIn(rows()), row_name);

TEST(EmulatorFault, WeighsLittleWhereTheKernelHasAChoice)
{
    const auto shared = examined({two_l3s(), {with_emulator("1,3")}});
    EXPECT_EQ(find(shared, Check::emu_on_vcpu_cores)->severity, Severity::note);
    const auto few = examined({two_l3s(), {with_emulator("")}});
    EXPECT_EQ(find(few, Check::emu_unpinned)->severity, Severity::note);
    const auto most = examined({two_l3s(), {with_emulator("", "1 9 2 10 3 11 4 12 5 13")}});
    EXPECT_EQ(find(most, Check::emu_unpinned)->severity, Severity::warning);
}

// Who leaves CPU 0 to the host has thought of it.
TEST(EmulatorFault, WeighsMoreWhereTheHostHasNotItsFirstCpu)
{
    const auto found = examined({two_l3s(), {with_emulator("", "0 8 1 9")}});
    EXPECT_EQ(find(found, Check::emu_unpinned)->severity, Severity::warning);
}

// The guest has all of its node, so that QEMU can only be on another.
TEST(EmulatorFault, OfANodeThatTheGuestFillsIsNone)
{
    const auto fills = examined({two_nodes(), {with_emulator("4", "0 8 1 9 2 10 3 11")}});
    EXPECT_EQ(find(fills, Check::emu_far), nullptr) << names_of(fills);
    auto first = with_emulator("4");
    auto second = seen({.name = "other", .pins = "0 8 3 11", .runs = true});
    const auto both = examined({two_nodes(), {first, second}});
    EXPECT_EQ(find(both, Check::emu_far), nullptr) << names_of(both);
}

// L3s that the firmware shows as nodes.
TEST(EmulatorFault, OfNearNodesIsNone)
{
    auto host = two_nodes();
    host.distance = {{10, 11}, {11, 10}};
    EXPECT_EQ(find(examined({host, {with_emulator("4")}}), Check::emu_far), nullptr);
}

TEST(EmulatorFault, OfAnIothreadThatCannotRunIsNone)
{
    const auto found =
        examined({two_l3s(), {with_iothread("", "<iothreadpin iothread='1' cpuset='99'/>")}});
    EXPECT_EQ(find(found, Check::io_iothread_on_vcpu), nullptr);
    EXPECT_NE(find(found, Check::pin_missing_cpu), nullptr);
}

TEST(EmulatorFault, OfAnUnpinnedGuestIsNone)
{
    const auto found = examined({two_l3s(), {seen({.emulator = "1"})}});
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
}

} // namespace

} // namespace virtpind::test
