// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/model/finding.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/doctor_case.hpp"

namespace virtpind::test {

namespace {

constexpr const char* amd = "AuthenticAMD";
constexpr const char* intel = "GenuineIntel";

// Cores 0-7 with CPUs n and n+8, two L3s of four cores, with the caches that CPUID tells of.
Topology host_of(const std::string& vendor)
{
    auto host = regular_host({.l3s = 2});
    host.vendor = vendor;
    for (const auto& core : host.cores) {
        host.caches.push_back({.level = 1, .type = Cache::Type::data, .cpus = core.cpus});
        host.caches.push_back({.level = 2, .cpus = core.cpus});
    }
    for (const auto& l3 : host.l3s) {
        host.caches.push_back({.level = 3, .size_bytes = l3.size_bytes, .cpus = l3.cpus});
    }
    return host;
}

Topology hybrid()
{
    auto host = hybrid_host(4, 8);
    host.vendor = intel;
    return host;
}

Topology with_hugepages(std::uint64_t pages)
{
    auto host = host_of(amd);
    host.nodes[0].hugepages = {{.page_kib = 1U << 20U, .total = pages, .free = pages}};
    return host;
}

ObservedDomain with_cpu(const std::string& cpu, unsigned vcpus = 4)
{
    return seen({.vcpus = vcpus, .cpu = cpu});
}

ObservedDomain with_features(const std::string& features,
                             const std::string& cpu = "<cpu mode='host-passthrough'/>")
{
    return seen({.cpu = cpu, .features = features});
}

ObservedDomain with_more(const std::string& more, const std::string& devices = {})
{
    return seen({.devices = devices, .more = more});
}

ObservedDomain with_smbios(const std::string& mode)
{
    auto text = xml_of({});
    const std::string end = "</os>";
    text.insert(text.find(end), "<smbios mode='" + mode + "'/>");
    return *parse_domain_xml(text, PolicyCatalog{}, XmlKind::config);
}

std::string windows(const std::string& release)
{
    return "<metadata><l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
           "<l:os id='http://microsoft.com/win/" +
           release + "'/></l:libosinfo></metadata>";
}

ObservedDomain windows_guest(const std::string& release, const std::string& cpu,
                             const std::string& features = {})
{
    return seen({.cpu = cpu, .features = features, .more = windows(release)});
}

std::string enlightenments(const std::vector<std::string>& names)
{
    std::string text = "<hyperv>";
    for (const auto& name : names) {
        text += "<" + name + " state='on'/>";
    }
    return text + "</hyperv>";
}

// vCPUs 0-3 of which `off` stay off.
std::string listed_vcpus(const std::string& off)
{
    std::string text = "<vcpus>";
    for (std::uint32_t id = 0; id < 8; ++id) {
        text += "<vcpu id='" + std::to_string(id) + "' enabled='" +
                (vcpus(off).contains(VcpuId{id}) ? "no" : "yes") + "' hotpluggable='yes'/>";
    }
    return text + "</vcpus>";
}

const std::string caches = "<cache mode='passthrough'/><feature policy='require' name='topoext'/>";

ObservedDomain with_holes(const std::string& off, const std::string& pins,
                          const std::string& cpu = shape(1, 1, 4, 2, caches))
{
    return seen({.vcpus = 8, .pins = pins, .emulator = "7", .cpu = cpu, .more = listed_vcpus(off)});
}

ObservedDomain with_filled_holes(const std::string& online)
{
    auto domain = with_holes("2-3", "0 8 - - 1 9 2 10");
    domain.facts.id = 1;
    domain.facts.vcpus_online = vcpus(online);
    domain.running = {.pins = domain.definition->pins};
    return domain;
}

// Long: one table, a row for each fault and its absence.
const std::vector<FaultRow>& rows()
{
    static const std::vector<FaultRow> all{
        {Check::cpu_topoext_missing,
         {host_of(amd), {with_cpu(shape(1, 1, 2, 2))}},
         {host_of(amd),
          {with_cpu(shape(1, 1, 2, 2, "<feature policy='require' name='topoext'/>"))}},
         "threads=2 on an AMD host"},
        {Check::cpu_topoext_missing,
         {host_of(amd), {with_cpu(shape(1, 1, 2, 2))}},
         {host_of(intel), {with_cpu(shape(1, 1, 2, 2))}},
         "without topoext"},
        {Check::cpu_topoext_on_intel,
         {host_of(intel),
          {with_cpu(shape(1, 1, 2, 2, "<feature policy='require' name='topoext'/>"))}},
         {host_of(intel), {with_cpu(shape(1, 1, 2, 2))}},
         "topoext"},
        {Check::cpu_sockets,
         {host_of(intel), {windows_guest("11", "<cpu mode='host-passthrough'/>")}},
         // Servers use all sockets.
         {host_of(intel), {windows_guest("2k22", "<cpu mode='host-passthrough'/>")}},
         "each of its 4 vCPUs is a socket"},
        {Check::cpu_mode,
         {host_of(amd),
          {seen({.cpu = "<cpu mode='custom'><model>EPYC</model></cpu>", .devices = gpu()})}},
         {host_of(amd), {seen({.devices = gpu()})}},
         "EPYC"},
        {Check::cpu_cache_pt_mismatch,
         // Six vCPUs of two L3s, of which the guest takes all for one.
         {host_of(amd),
          {seen({.vcpus = 8,
                 .pins = "2 10 3 11 4 12 5 13",
                 .emulator = "7",
                 .cpu = shape(1, 1, 4, 2, caches)})}},
         {host_of(amd),
          {seen({.vcpus = 8,
                 .pins = "4 12 5 13 6 14 7 15",
                 .emulator = "0",
                 .cpu = shape(1, 1, 4, 2, caches)})}},
         "{0-7}; they are {0-3}, {4-7}"},
        {Check::cpu_cache_pt_hybrid,
         {hybrid(), {with_cpu(shape(1, 1, 4, 2, "<cache mode='passthrough'/>"), 8)}},
         {hybrid(), {with_cpu(shape(1, 1, 4, 2), 8)}},
         "the guest sees 1 L2 for 4 cores"},
        {Check::cpu_cache_pt_mode,
         {host_of(amd), {with_cpu("<cpu mode='host-model'><cache mode='passthrough'/></cpu>")}},
         {host_of(amd), {with_cpu("<cpu mode='maximum'><cache mode='passthrough'/></cpu>")}},
         "host-model"},
        {Check::cpu_cache_pt_mode,
         {host_of(amd),
          {with_cpu("<cpu mode='host-passthrough'><cache level='3' mode='passthrough'/></cpu>")}},
         {host_of(amd),
          {with_cpu("<cpu mode='host-passthrough'><cache level='3' mode='emulate'/></cpu>")}},
         "level 3"},
        {Check::cpu_holes_useless,
         {host_of(amd), {with_holes("6-7", "0 8 1 9 2 10")}},
         {host_of(amd), {with_holes("", "0 8 1 9 2 10 3 11")}},
         "vCPUs 6-7 stay off"},
        // What fills the last die or core up is needed: <topology> has no unlike ones.
        {Check::cpu_holes_useless,
         {host_of(amd), {with_holes("4-7", "0 8 1 9", shape(1, 2, 2, 2, caches))}},
         {host_of(amd), {with_holes("6-7", "0 8 1 9 4 12", shape(1, 2, 2, 2, caches))}},
         "vCPUs 4-7 stay off"},
        {Check::cpu_holes_wrong_stride,
         {host_of(amd), {with_holes("2-3", "2 10 - - 4 12 5 13")}},
         {host_of(amd), {with_holes("2-3", "0 8 - - 1 9 2 10")}},
         "they are {0-1}, {4-7}"},
        {Check::cpu_holes_filled,
         {host_of(amd), {with_filled_holes("0-2,4-7")}},
         {host_of(amd), {with_filled_holes("0-1,4-7")}},
         "vCPU 2 run"},
        {Check::cpu_hypervisor_off,
         {host_of(amd),
          {with_features(enlightenments({"relaxed"}),
                         "<cpu mode='host-passthrough'><feature policy='disable' "
                         "name='hypervisor'/></cpu>")}},
         {host_of(amd), {with_features(enlightenments({"relaxed"}))}},
         "relaxed is on"},
        {Check::cpu_hv_missing,
         {host_of(amd), {windows_guest("11", shape(1, 1, 2, 2))}},
         {host_of(amd), {windows_guest("11", shape(1, 1, 2, 2), "<hyperv mode='passthrough'/>")}},
         "it has no relaxed"},
        {Check::cpu_invtsc_no_save,
         {host_of(amd), {with_cpu(shape(1, 1, 2, 2, "<feature policy='require' name='invtsc'/>"))}},
         {host_of(amd), {with_cpu(shape(1, 1, 2, 2))}},
         "invtsc"},
        {Check::cpu_invtsc_absent,
         {host_of(amd), {with_more("<clock><timer name='tsc' mode='native'/></clock>")}},
         {host_of(amd), {with_more("<clock><timer name='tsc'/></clock>")}},
         "without invtsc"},
        {Check::cpu_hint_dedicated,
         {host_of(amd), {with_features("<kvm><hint-dedicated state='on'/></kvm>")}},
         {host_of(amd),
          {seen({.pins = "1 9 2 10",
                 .emulator = "7",
                 .features = "<kvm><hint-dedicated state='on'/></kvm>"})}},
         "not pinned one to one"},
        {Check::cpu_topology_mismatch,
         {host_of(intel), {with_cpu(shape(1, 1, 4, 2))}},
         {host_of(intel), {with_cpu(shape(1, 1, 4, 2), 8)}},
         "make 8 CPUs, and <vcpu> is 4"},
        {Check::cpu_clusters_x86,
         {host_of(intel),
          {with_cpu("<cpu mode='host-passthrough'><topology sockets='1' dies='1' clusters='2' "
                    "cores='2' threads='1'/></cpu>")}},
         {host_of(intel),
          {with_cpu("<cpu mode='host-passthrough'><topology sockets='1' dies='1' clusters='1' "
                    "cores='4' threads='1'/></cpu>")}},
         "clusters=2"},
        {Check::cpu_numa_cells,
         {host_of(intel),
          {with_cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-2' "
                    "memory='1'/></numa></cpu>")}},
         {host_of(intel),
          {with_cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-3' "
                    "memory='1'/></numa></cpu>")}},
         "vCPU 3 is in no cell"},
        {Check::cpu_placement_auto,
         {host_of(intel), {seen({.attributes = "placement='auto'"})}},
         {host_of(intel), {seen({.attributes = "placement='static'"})}},
         "auto"},
        {Check::cpu_overridden_by_commandline,
         {host_of(intel),
          {with_more("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                     "<q:arg value='-smp'/><q:arg value='8'/></q:commandline>")}},
         {host_of(intel),
          {with_more("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                     "<q:arg value='-name'/><q:arg value='x'/></q:commandline>")}},
         "-smp"},
        {Check::sched_fifo,
         {host_of(intel),
          {seen({.cputune = "<vcpusched vcpus='0-1' scheduler='fifo' priority='95'/>"})}},
         {host_of(intel), {seen({.cputune = "<vcpusched vcpus='0-1' scheduler='batch'/>"})}},
         "vCPUs 0-1 have priority 95 in real time"},
        {Check::mem_locked_no_limit,
         {host_of(intel), {with_more("<memoryBacking><locked/></memoryBacking>")}},
         {host_of(intel),
          {with_more("<memoryBacking><locked/></memoryBacking><memtune><hard_limit>9</hard_limit></"
                     "memtune>")}},
         "locked"},
        {Check::mem_hugepages_short,
         {with_hugepages(3),
          {with_more("<memoryBacking><hugepages><page size='1' "
                     "unit='GiB'/></hugepages></memoryBacking>")}},
         {with_hugepages(4),
          {with_more("<memoryBacking><hugepages><page size='1' "
                     "unit='GiB'/></hugepages></memoryBacking>")}},
         "it needs 4 pages of 1024 MiB, and 3 of 3 are free"},
        {Check::pin_missing_node,
         {host_of(intel),
          {with_more("<numatune><memory mode='strict' nodeset='0-1'/></numatune>")}},
         {host_of(intel), {with_more("<numatune><memory mode='strict' nodeset='0'/></numatune>")}},
         "its memory is bound to node 1, and this host has node 0"},
        {Check::cpu_placement_auto,
         {host_of(intel),
          {with_more("<numatune><memory mode='strict' placement='auto'/></numatune>")}},
         {host_of(intel), {with_more("<numatune><memory mode='strict' nodeset='0'/></numatune>")}},
         "<numatune> with placement='auto'"},
        {Check::mem_balloon,
         {host_of(intel), {seen({.devices = gpu() + "<memballoon model='virtio'/>"})}},
         {host_of(intel), {seen({.devices = gpu() + "<memballoon model='none'/>"})}},
         "a memory balloon"},
        {Check::dev_shared_hostdev,
         {host_of(intel),
          {seen({.name = "a", .devices = gpu()}), seen({.name = "b", .devices = gpu()})}},
         {host_of(intel), {seen({.name = "a", .devices = gpu()}), seen({.name = "b"})}},
         "0000:01:00.0 is in b, too"},
        {Check::smbios_host,
         {host_of(intel), {with_smbios("host")}},
         {host_of(intel), {with_smbios("emulate")}},
         "serial numbers"},
    };
    return all;
}

class GuestFault : public testing::TestWithParam<FaultRow> {};

TEST_P(GuestFault, IsToldOnlyWhereItIs)
{
    expect_told_only_where_it_is(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Doctor, GuestFault, testing::ValuesIn(rows()), row_name);

TEST(GuestFault, OfPagesIsMendedForTheirSize)
{
    const auto found = examined({with_hugepages(3),
                                 {with_more("<memoryBacking><hugepages><page size='1' "
                                            "unit='GiB'/></hugepages></memoryBacking>")}});
    const auto fix = find(found, Check::mem_hugepages_short)->fix;
    EXPECT_NE(fix.find("echo 4 > /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"),
              std::string::npos)
        << fix;
    EXPECT_NE(fix.find("hugepagesz=1024M hugepages=4"), std::string::npos) << fix;
}

TEST(GuestFault, OfShapesThatQemuReplacesIsNotJudged)
{
    const auto smp =
        with_more("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                  "<q:arg value='-smp'/><q:arg value='8'/></q:commandline>");
    auto guest = seen({.pins = "0 1 2 3", .emulator = "7", .cpu = shape(1, 1, 2, 2)});
    guest.definition->cpus->overrides = smp.definition->cpus->overrides;
    const auto found = examined({host_of(amd), {guest}});
    EXPECT_EQ(find(found, Check::pin_smt_mismatch), nullptr);
    EXPECT_EQ(find(found, Check::cpu_topoext_missing), nullptr);
}

TEST(GuestFault, OfHugepagesIsNotGuessedWhereTheHostTellsNone)
{
    const auto found =
        examined({host_of(intel),
                  {with_more("<memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages>"
                             "</memoryBacking>")}});
    EXPECT_EQ(find(found, Check::mem_hugepages_short), nullptr);
    EXPECT_TRUE(std::any_of(
        found.not_measured.begin(), found.not_measured.end(),
        [](const NotMeasured& one) { return one.check == Check::mem_hugepages_short; }));
}

TEST(GuestFault, OfNoDefinitionIsNotMeasured)
{
    auto guest = seen({.runs = true});
    guest.definition.reset();
    const auto found = examined({host_of(amd), {guest}});
    EXPECT_TRUE(found.findings.empty()) << names_of(found);
    EXPECT_TRUE(std::any_of(
        found.not_measured.begin(), found.not_measured.end(), [](const NotMeasured& one) {
            return one.check == Check::cpu_topoext_missing && one.guest == "win11";
        }));
}

// What a vCPU shares that cannot run is not known.
TEST(GuestFault, OfCachesIsNotJudgedBesideADeadPin)
{
    const auto found = examined(
        {host_of(amd),
         {seen({.pins = "2 10 4 99", .emulator = "7", .cpu = shape(1, 1, 2, 2, caches)})}});
    EXPECT_NE(find(found, Check::pin_missing_cpu), nullptr) << names_of(found);
    EXPECT_EQ(find(found, Check::cpu_cache_pt_mismatch), nullptr);
}

// Numbers of a hostile definition neither overflow nor divide by nothing.
TEST(GuestFault, OfImpossibleShapesIsToldAndNothingBreaks)
{
    const auto zero = examined({host_of(amd), {with_cpu(shape(0, 0, 0, 0, caches))}});
    EXPECT_NE(find(zero, Check::cpu_topology_mismatch), nullptr);
    const auto huge =
        examined({host_of(amd), {with_cpu(shape(16383, 16383, 16383, 16383, caches))}});
    EXPECT_NE(find(huge, Check::cpu_topology_mismatch), nullptr);
}

// The severest first, guests in their order, the host last.
TEST(GuestFault, FindingsAreInOrder)
{
    DoctorCase both{host_of(amd),
                    {seen({.name = "b", .devices = gpu()}), with_cpu(shape(1, 1, 2, 2))}};
    both.host.warnings = {"The kinds are guessed."};
    const auto found = examined(both);
    ASSERT_EQ(found.findings.size(), 3U) << names_of(found);
    EXPECT_EQ(found.findings[0].guest, "b");
    EXPECT_EQ(found.findings[1].guest, "win11");
    EXPECT_EQ(found.findings[2].guest, "");
    EXPECT_EQ(found.guests, (std::vector<std::string>{"b", "win11"}));
    EXPECT_EQ(found.count(Severity::warning), 1U);
}

// As hostile as a file may be: a guest whose vCPUs all stay off.
TEST(GuestFault, OfAGuestWithoutVcpusIsNoCrash)
{
    const auto found = examined(
        {host_of(amd),
         {seen(
             {.vcpus = 2,
              .pins = "1 9",
              .cpu = shape(1, 1, 1, 2, "<cache mode='passthrough'/>"),
              .more = "<vcpus><vcpu id='0' enabled='no'/><vcpu id='1' enabled='no'/></vcpus>"})}});
    EXPECT_EQ(find(found, Check::cpu_holes_useless), nullptr) << names_of(found);
}

} // namespace

} // namespace virtpind::test
