// SPDX-License-Identifier: LGPL-2.1-or-later
// What is read of a domain's XML, and what is refused.
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/policy_xml.hpp"
#include "daemon/libvirt/device_parents.hpp"
#include "tests/support/domain_xml_case.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace virtpind::test {
namespace {

Error parse_error(std::string_view inside)
{
    const auto domain = parse_domain_xml(domain_with(inside), PolicyCatalog{}, XmlKind::config);
    EXPECT_FALSE(domain) << inside;
    return domain ? Error{} : domain.error();
}

// What the metadata of a domain with this element says.
std::optional<Result<PolicySpec>> policy_in(std::string_view element)
{
    return parsed(domain_with("<metadata>" + std::string{element} + "</metadata>"))
        .facts.metadata.content;
}

TEST(DomainXml, DevicesThatReachTheGuestsPagesLockThem)
{
    const auto locks = [](std::string_view device) {
        return parsed(domain_with("<vcpu>1</vcpu><devices>" + std::string{device} + "</devices>"))
            .facts.memory_locked;
    };
    EXPECT_TRUE(locks("<hostdev mode='subsystem' type='mdev'/>"));
    EXPECT_TRUE(locks("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"));
    EXPECT_TRUE(locks("<disk type='nvme' device='disk'><source type='pci' namespace='1'>"
                      "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
                      "</source></disk>"));
    EXPECT_TRUE(locks("<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/></disk>"));
    EXPECT_FALSE(locks("<disk type='file'/><interface type='network'/>"));
    const auto secured = [](const char* type) {
        return parsed(
                   domain_with("<vcpu>1</vcpu><launchSecurity type='" + std::string{type} + "'/>"))
            .facts.memory_locked;
    };
    EXPECT_TRUE(secured("sev") && secured("sev-snp") && secured("tdx"));
    EXPECT_FALSE(secured("s390-pv"));
}

TEST(DomainXml, WhatIsPassedThroughIsNamed)
{
    const auto passed = [](std::string_view device) {
        return passed_through(
            parsed(domain_with("<vcpu>1</vcpu><devices>" + std::string{device} + "</devices>"))
                .facts);
    };
    const std::string nvme =
        "<disk type='nvme'><source type='pci' namespace='1'>"
        "<address domain='0x0000' bus='0x09' slot='0x00' function='0x0'/></source></disk>";
    const std::string mdev =
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"
        "<address uuid='11111111-2222-3333-4444-555555555555'/></source></hostdev>";
    EXPECT_EQ(passed(nvme), "PCI device 0000:09:00.0");
    EXPECT_EQ(passed(mdev), "mediated device 11111111-2222-3333-4444-555555555555");
    EXPECT_EQ(passed(mdev + nvme), "PCI device 0000:09:00.0 and 1 more");
    EXPECT_EQ(passed("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"),
              "vDPA device /dev/vhost-vdpa-0");
    EXPECT_EQ(passed("<hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/></source>"
                     "</hostdev>"),
              "");
}

TEST(DomainXml, ListsOfVcpusThatCannotBeReadAreErrors)
{
    for (const auto* inside : {"<vcpusched vcpus='x' scheduler='fifo' priority='1'/>",
                               "<cachetune vcpus='0'><monitor level='3' vcpus='4-x'/></cachetune>",
                               "<memorytune vcpus='0-'/>"}) {
        const auto error =
            parse_error("<vcpu>1</vcpu><cputune>" + std::string{inside} + "</cputune>");
        EXPECT_NE(error.message.find("/@vcpus"), std::string::npos) << error.message;
    }
}

// The daemon sees sysfs; a link per device leads to where it is.
TEST(DomainXml, SysfsTellsWhatIsBehindAMediatedDevice)
{
    namespace fs = std::filesystem;
    const auto root = fs::path{testing::TempDir()} / "virtpind-sysfs";
    fs::remove_all(root);
    const std::string uuid = "11111111-2222-3333-4444-555555555555";
    const auto pci = root / "sys/devices/pci0000:00/0000:00:01.0";
    fs::create_directories(pci / "0000:01:00.0" / uuid);
    fs::create_directories(pci / "0000:02:00.0/vdpa0/vhost-vdpa-7");
    fs::create_directories(root / "sys/bus/mdev/devices");
    fs::create_directories(root / "sys/bus/vdpa/devices");
    fs::create_directory_symlink(pci / "0000:01:00.0" / uuid, root / "sys/bus/mdev/devices" / uuid);
    fs::create_directory_symlink(pci / "0000:02:00.0/vdpa0", root / "sys/bus/vdpa/devices/vdpa0");
    using Kind = IndirectDevice::Kind;
    DomainFacts facts;
    facts.indirect_devices = {{.kind = Kind::mediated, .id = uuid},
                              {.kind = Kind::vdpa, .id = "/dev/vhost-vdpa-7"},
                              {.kind = Kind::vdpa, .id = "/dev/vhost-vdpa-8"},
                              {.kind = Kind::vdpa, .id = "/dev/vhost-vdpa-7/../vdpa0"},
                              {.kind = Kind::mediated, .id = "../../pci/devices"},
                              {.kind = Kind::argument, .id = uuid}};
    find_parents(facts, root);
    std::vector<std::string> parents;
    for (const auto& device : facts.indirect_devices) {
        parents.push_back(device.parent);
    }
    EXPECT_EQ(parents, (std::vector<std::string>{"0000:01:00.0", "0000:02:00.0", "", "", "", ""}));
    fs::remove_all(root);
}

TEST(DomainXml, ReadsWhatADomainIs)
{
    const auto facts = parsed(win11, XmlKind::live).facts;
    EXPECT_EQ(facts.name, "win11");
    EXPECT_EQ(facts.uuid.str(), "c7a5fdbd-edaf-9455-926a-d65c16db1809");
    EXPECT_EQ(facts.id, 7);
    EXPECT_EQ(facts.state, RunState::running);
    EXPECT_EQ(facts.vcpus_max, 8U);
    EXPECT_EQ(facts.vcpus_online.str(), "0-1,6");
    EXPECT_EQ(facts.topology,
              (GuestTopology{.sockets = 1, .dies = 2, .clusters = 1, .cores = 2, .threads = 2}));
    ASSERT_EQ(facts.cells.size(), 2U);
    EXPECT_EQ(facts.cells[1].vcpus.str(), "4-7");
    EXPECT_EQ(facts.cells[1].memory_kib, 8388608U);
    EXPECT_EQ(facts.iothreads, (std::vector{IothreadId{1}, IothreadId{2}, IothreadId{3}}));
    EXPECT_EQ(facts.pci_devices, (std::vector<std::string>{"0000:0a:00.1", "0000:07:10.2"}));
    EXPECT_EQ(facts.memory_kib, 16U * 1024 * 1024);
    EXPECT_EQ(facts.hugepage_kib, 1024U * 1024);
    EXPECT_TRUE(facts.memory_locked);
    ASSERT_TRUE(facts.metadata.content && facts.metadata.content->ok());
    EXPECT_EQ(facts.metadata.content->value().name, "dedicated");
    EXPECT_EQ(facts.metadata.content->value().options.at("smt"),
              OptionValue{std::string{"isolate"}});
}

TEST(DomainXml, ReadsHowItIsPinned)
{
    const auto domain = parsed(win11, XmlKind::live);
    ASSERT_TRUE(domain.running);
    EXPECT_FALSE(domain.definition);
    const auto& pins = domain.running->pins;
    EXPECT_EQ(pins.vcpus.size(), 2U);
    EXPECT_EQ(pins.vcpus.at(VcpuId{6}), cpus("5-6"));
    EXPECT_EQ(pins.emulator, cpus("0-1"));
    EXPECT_EQ(pins.iothreads.at(IothreadId{2}), cpus("1"));
    EXPECT_EQ(pins.vcpu_cpuset, cpus("0-1,3-7"));
    ASSERT_TRUE(pins.numatune);
    EXPECT_EQ(pins.numatune->mode, NumaMode::interleave);
    EXPECT_EQ(pins.numatune->nodes, nodes("0-1"));
    EXPECT_EQ(pins.numatune->cells.at(1), nodes("1"));
}

TEST(DomainXml, AbsentElementsMeanLibvirtsDefaults)
{
    const auto domain = parsed(domain_with("<memory unit='KiB'>2048</memory><vcpu>3</vcpu>"));
    EXPECT_FALSE(domain.facts.active());
    EXPECT_EQ(domain.facts.state, RunState::shutoff);
    EXPECT_EQ(domain.facts.uuid, DomainUuid{});
    EXPECT_EQ(domain.facts.vcpus_online.str(), "0-2");
    EXPECT_FALSE(domain.facts.topology);
    EXPECT_FALSE(domain.facts.memory_locked);
    EXPECT_FALSE(domain.facts.metadata.content);
    EXPECT_EQ(domain.definition_pins(), PinSet{});
}

TEST(DomainXml, ErrorsNameElementAndValue)
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {"<vcpu>many</vcpu>", "'many'"},
        {"<vcpu>0</vcpu>", "<vcpu> is 0"},
        {"<vcpu>99999999999999999999</vcpu>", "16384"},
        {"<vcpu current='9'>8</vcpu>", "vcpu/@current"},
        {"<cputune><vcpupin vcpu='0' cpuset='0-'/></cputune>", "vcpupin/@cpuset"},
        {"<cputune><vcpupin vcpu='-1' cpuset='0'/></cputune>", "vcpupin/@vcpu"},
        {"<numatune><memory mode='tight' nodeset='0'/></numatune>", "restrictive"},
        {"<memory unit='furlong'>1</memory>", "furlong"},
        {"<memory unit='TiB'>99999999999999</memory>", "<memory>"},
        {"<uuid>nobody</uuid>", "<uuid>"},
        {"<devices><hostdev type='pci'><source><address bus='0x1ff'/></source></hostdev></devices>",
         "address/@bus"},
    };
    for (const auto& [inside, named] : cases) {
        const auto error = parse_error(inside);
        EXPECT_EQ(error.code, Errc::invalid_argument) << inside;
        EXPECT_NE(error.message.find(named), std::string::npos) << error.message;
        EXPECT_NE(error.message.find("web1"), std::string::npos) << error.message;
    }
}

TEST(DomainXml, DepthIsBounded)
{
    const auto nested = [](int elements) { // <domain> is one of them
        std::string text = "text";
        for (int level = 1; level < elements; ++level) {
            text = "<x>" + text + "</x>";
        }
        return text;
    };
    static_assert(domain_xml_depth_max == 64);
    EXPECT_EQ(parsed(domain_with(nested(64))).facts.name, "web1");
    EXPECT_EQ(parse_error(nested(65)).code, Errc::limits_exceeded);
    EXPECT_EQ(parse_error(nested(2'000)).code, Errc::limits_exceeded);
}

// Entities are not expanded, and what declares them is refused.
TEST(DomainXml, BombsDoNotGoOff)
{
    std::string text = "<!DOCTYPE domain [<!ENTITY a0 \"boom\">";
    for (int level = 1; level < 10; ++level) {
        text += "<!ENTITY a" + std::to_string(level) + " \"";
        for (int times = 0; times < 10; ++times) {
            text += "&a" + std::to_string(level - 1) + ";";
        }
        text += "\">";
    }
    text += "<!ENTITY file SYSTEM \"file:///etc/passwd\">]>";
    const auto declared =
        parse_domain_xml(text + domain_with("<title>&a9;</title>"), PolicyCatalog{}, XmlKind::live);
    ASSERT_FALSE(declared);
    EXPECT_NE(declared.error().message.find("DOCTYPE"), std::string::npos);
    EXPECT_EQ(parsed("<domain><name>&a9;&file;</name></domain>").facts.name, "&a9;&file;");
}

TEST(DomainXml, IsBounded)
{
    const PolicyCatalog catalog;
    EXPECT_EQ(parse_domain_xml(std::string(domain_xml_bytes_max + 1, ' '), catalog, XmlKind::live)
                  .error()
                  .code,
              Errc::limits_exceeded);
    std::string cells;
    for (std::size_t cell = 0; cell <= guest_cells_max; ++cell) {
        cells += "<cell/>";
    }
    EXPECT_EQ(parse_error("<cpu><numa>" + cells + "</numa></cpu>").code, Errc::limits_exceeded);
    std::string pages; // one for each cell and one for the others are taken
    for (std::size_t page = 0; page <= guest_cells_max + 1; ++page) {
        pages += "<page size='2' unit='M' nodeset='0'/>";
    }
    const auto backing = "<memoryBacking><hugepages>" + pages + "</hugepages></memoryBacking>";
    EXPECT_EQ(parse_error(backing).code, Errc::limits_exceeded);
    for (const std::string text : {"", "<domain", "<network/>", "<domain/>", "\xff\xfe"}) {
        EXPECT_FALSE(parse_domain_xml(text, catalog, XmlKind::config)) << text;
    }
}

TEST(DomainXml, UnreadablePolicyIsAnErrorOfTheMetadataOnly)
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {"name='dedicated' smtt='isolate'", "did you mean 'smt'"},
        {"name='dedicated' smt='isolated'", "isolate"},
        {"name='gaming'", "gaming"},
        {"name='shared' vcpus='many'", "vcpus"},
    };
    for (const auto& [attributes, named] : cases) {
        const auto policy =
            policy_in("<p:policy xmlns:p='https://virtpind.org/policy/1' " + attributes + "/>");
        ASSERT_TRUE(policy) << attributes;
        ASSERT_FALSE(policy->ok()) << attributes;
        EXPECT_EQ(policy->error().code, Errc::invalid_policy);
        EXPECT_NE(policy->error().message.find(named), std::string::npos)
            << policy->error().message;
    }
}

TEST(DomainXml, PolicyIsFoundByNamespaceNotByPrefix)
{
    EXPECT_FALSE(policy_in("<virtpind:policy xmlns:virtpind='https://example.org/other'/>"));
    const auto plain = policy_in("<policy xmlns='https://virtpind.org/policy/1' name='shared'/>");
    ASSERT_TRUE(plain && plain->ok());
    EXPECT_EQ(plain->value().name, "shared");
}

TEST(DomainXml, PolicyElementReadsBackAsWritten)
{
    const auto spec = make_policy_spec(PolicyCatalog{}, "dedicated",
                                       {{"cpus", std::string{"1-3"}},
                                        {"tune", std::vector<std::string>{"invtsc", "no-migrate"}},
                                        {"priority", std::int32_t{-3}},
                                        {"isolate", true}},
                                       PolicyName::required);
    ASSERT_TRUE(spec) << spec.error().message;
    auto element = format_policy_element(*spec);
    EXPECT_EQ(element.find("xmlns"), std::string::npos);
    element.insert(element.find(' '), " xmlns='https://virtpind.org/policy/1'");
    const auto read = policy_in(element);
    ASSERT_TRUE(read && read->ok()) << element;
    EXPECT_EQ(read->value(), *spec);
}

} // namespace
} // namespace virtpind::test
