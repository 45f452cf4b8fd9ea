// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/domain_xml/argument_devices.hpp"
#include "daemon/domain_xml/domain_xml.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace virtpind {
namespace {

constexpr const char* declared = " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";

ObservedDomain parsed(const std::string& inside, const std::string& attributes = declared)
{
    const auto domain = parse_domain_xml("<domain type='kvm'" + attributes +
                                             "><name>a</name><vcpu>4</vcpu>" + inside + "</domain>",
                                         PolicyCatalog{}, XmlKind::config);
    EXPECT_TRUE(domain) << domain.error().message;
    return domain ? *domain : ObservedDomain{};
}

std::string command_line(const std::vector<std::string>& words)
{
    std::string text = "<qemu:commandline>";
    for (const auto& word : words) {
        text += "<qemu:arg value='" + word + "'/>";
    }
    return text + "<qemu:env name='A' value='-cpu'/></qemu:commandline>";
}

// "caches topoext ... shape:-smp cells:-numa" of what is overridden.
std::string overridden(const QemuOverrides& overrides)
{
    std::string text;
    for (const auto& [tune, argument] : overrides.tunes) {
        text += std::string{to_string(tune)} + ":" + argument + " ";
    }
    text += overrides.shape.empty() ? "" : "shape:" + overrides.shape + " ";
    text += overrides.cells.empty() ? "" : "cells:" + overrides.cells + " ";
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::string overridden_by(const std::vector<std::string>& words)
{
    return overridden(parsed(command_line(words)).definition->cpus->overrides);
}

std::string whole_cpu(const std::string& by)
{
    std::string text;
    for (const auto* tune :
         {"cache-passthrough", "topoext", "invtsc", "no-migrate", "hide-hypervisor"}) {
        text += (text.empty() ? "" : " ") + std::string{tune} + ":" + by;
    }
    return text;
}

TEST(QemuArguments, CpuReplacesTheWholeOfIt)
{
    EXPECT_EQ(overridden_by({"-cpu", "Penryn,+invtsc"}), whole_cpu("-cpu"));
    EXPECT_EQ(overridden_by({"--cpu", "host"}), whole_cpu("-cpu")) << "two dashes";
    EXPECT_EQ(overridden_by({"-cpu"}), whole_cpu("-cpu")) << "without a value";
    EXPECT_EQ(overridden_by({"-cpu=host"}), "") << "no option of QEMU's";
    EXPECT_EQ(overridden_by({"-cpux", "host"}), "");
    EXPECT_EQ(overridden_by({"cpu", "host"}), "");
}

TEST(QemuArguments, EachIsInTheTable)
{
    EXPECT_EQ(overridden_by({"-smp", "8,cores=4"}), "shape:-smp");
    EXPECT_EQ(overridden_by({"-machine", "q35,smp.cores=4"}), "shape:-machine smp.cores");
    EXPECT_EQ(overridden_by({"-M", "smp.cpus=4"}), "shape:-machine smp.cpus");
    EXPECT_EQ(overridden_by({"-machine", "smp-cache.0.cache=l3"}),
              "cache-passthrough:-machine smp-cache.0.cache");
    EXPECT_EQ(overridden_by({"-machine", "microvm"}),
              "shape:-machine microvm cells:-machine microvm");
    EXPECT_EQ(overridden_by({"-machine", "memory-backend=mem"}), "cells:-machine memory-backend");
    EXPECT_EQ(overridden_by({"-machine", "accel=tcg"}), whole_cpu("-machine accel"));
    EXPECT_EQ(overridden_by({"-accel", "tcg,thread=single"}), whole_cpu("-accel"));
    EXPECT_EQ(overridden_by({"-numa", "node,memdev=mem"}), "cells:-numa");
    EXPECT_EQ(overridden_by({"-numa", "node,cpus=0-3"}), "shape:-numa cells:-numa");
    EXPECT_EQ(overridden_by({"-numa", "cpu,node-id=0,socket-id=0"}), "shape:-numa cells:-numa");
    EXPECT_EQ(overridden_by({"-m", "8G"}), "cells:-m");
    EXPECT_EQ(overridden_by({"-mem-path", "/dev/hugepages"}), "cells:-mem-path");
    EXPECT_EQ(overridden_by({"-smbios", "type=1,manufacturer=a"}), "host-smbios:-smbios");
    EXPECT_EQ(overridden_by({"-global", "host-x86_64-cpu.topoext=off"}),
              "topoext:-global host-x86_64-cpu.topoext");
    EXPECT_EQ(overridden_by({"-global", "driver=host-x86_64-cpu,property=l3-cache,value=on"}),
              "cache-passthrough:-global host-x86_64-cpu.l3-cache");
    EXPECT_EQ(overridden_by({"-readconfig", "/etc/q.cfg"}),
              "cache-passthrough:-readconfig topoext:-readconfig invtsc:-readconfig "
              "no-migrate:-readconfig hide-hypervisor:-readconfig host-smbios:-readconfig "
              "shape:-readconfig cells:-readconfig");
    EXPECT_EQ(overridden_by({"-set", "object.ram-node0.share=on"}), "cells:-set");
}

TEST(QemuArguments, WhatChangesNothingOfThatIsNot)
{
    EXPECT_EQ(overridden_by({"-machine", "kernel_irqchip=on,vmport=off"}), "");
    EXPECT_EQ(overridden_by({"-machine", "pc-q35-8.2,accel=kvm"}), "");
    EXPECT_EQ(overridden_by({"-accel", "kvm,kernel-irqchip=split"}), "");
    EXPECT_EQ(overridden_by({"-enable-kvm", "-nodefaults"}), "");
    EXPECT_EQ(overridden_by({"-global", "ICH9-LPC.disable_s3=1"}), "");
    EXPECT_EQ(overridden_by({"-global", "host-x86_64-cpu.pmu=off"}), "");
    EXPECT_EQ(overridden_by({"-object", "memory-backend-memfd,id=mem,size=1G,share=on"}), "");
    EXPECT_EQ(overridden_by({"-set", "device.hostdev0.x-vga=on"}), "");
    EXPECT_EQ(overridden_by({"-fw_cfg", "name=opt/a,string=-smp"}), "");
}

// Whatever prefix it has, and nothing of another namespace.
TEST(QemuArguments, TheNamespaceCounts)
{
    const std::string uri = "http://libvirt.org/schemas/domain/qemu/1.0";
    EXPECT_EQ(overridden(parsed("<q:commandline><q:arg value='-smp'/></q:commandline>",
                                " xmlns:q='" + uri + "'")
                             .definition->cpus->overrides),
              "shape:-smp");
    EXPECT_EQ(
        overridden(parsed("<commandline xmlns='" + uri + "'><arg value='-smp'/></commandline>", "")
                       .definition->cpus->overrides),
        "shape:-smp");
    EXPECT_EQ(overridden(parsed("<qemu:commandline><qemu:arg value='-smp'/></qemu:commandline>",
                                " xmlns:qemu='urn:other'")
                             .definition->cpus->overrides),
              "");
}

TEST(QemuArguments, CapabilitiesThatAreDeniedCount)
{
    const auto denied = [](const std::string& what) {
        return overridden(parsed("<qemu:capabilities>" + what + "</qemu:capabilities>")
                              .definition->cpus->overrides);
    };
    EXPECT_EQ(denied("<qemu:del capability='query-hotpluggable-cpus'/>"),
              "shape:<qemu:del capability='query-hotpluggable-cpus'/>");
    EXPECT_EQ(denied("<qemu:del capability='cpu-cache'/>"),
              "cache-passthrough:<qemu:del capability='cpu-cache'/>");
    EXPECT_EQ(denied("<qemu:add capability='smp-dies'/><qemu:del capability='blockdev'/>"), "");
}

TEST(QemuArguments, OverridesOfDevicesDoNot)
{
    EXPECT_EQ(overridden(parsed("<qemu:override><qemu:device alias='hostdev0'><qemu:frontend>"
                                "<qemu:property name='x-vga' type='bool' value='true'/>"
                                "</qemu:frontend></qemu:device></qemu:override>")
                             .definition->cpus->overrides),
              "");
}

TEST(QemuArguments, ACpuArgumentTellsWhetherItShowsTheHostsCaches)
{
    const auto shows = [](const std::string& cpu) {
        return parsed(command_line({"-cpu", cpu})).definition->cpus->overrides.host_caches;
    };
    EXPECT_TRUE(shows("host,host-cache-info=on,l3-cache=off"));
    EXPECT_TRUE(shows("host,+host-cache-info"));
    EXPECT_FALSE(shows("host"));
    EXPECT_FALSE(shows("host,host-cache-info=on,host-cache-info=off")) << "the last one wins";
}

std::string passed_by(const std::vector<std::string>& words)
{
    return passed_through(parsed(command_line(words)).facts);
}

TEST(QemuArguments, DevicesThatTheyHandOver)
{
    EXPECT_EQ(passed_by({"-device", "vfio-pci,host=01:00.0,multifunction=on"}),
              "PCI device 0000:01:00.0");
    EXPECT_EQ(passed_by({"-device", "vfio-pci,host=0000:0A:00.1"}), "PCI device 0000:0a:00.1");
    EXPECT_EQ(passed_by({"-device", "x-vga=on,driver=vfio-pci,host=02:00.0"}),
              "PCI device 0000:02:00.0");
    EXPECT_EQ(passed_by({"-device", "{\"driver\":\"vfio-pci\",\"host\":\"0000:03:00.0\"}"}),
              "PCI device 0000:03:00.0");
    EXPECT_EQ(passed_by({"-device", "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:04:00.0/"}),
              "PCI device 0000:04:00.0");
    EXPECT_EQ(passed_by({"-device", "vfio-pci,sysfsdev=/sys/bus/mdev/devices/"
                                    "11111111-2222-3333-4444-555555555555"}),
              "mediated device 11111111-2222-3333-4444-555555555555");
    EXPECT_EQ(passed_by({"-device", "vfio-pci,host=../../etc"}),
              "the device of QEMU's argument -device vfio-pci,host=../../etc");
    EXPECT_EQ(passed_by({"-netdev", "vhost-vdpa,id=a,vhostdev=/dev/vhost-vdpa-0"}),
              "vDPA device /dev/vhost-vdpa-0");
    EXPECT_EQ(passed_by({"-blockdev", "driver=nvme,node-name=a,device=0000:05:00.0,namespace=1"}),
              "PCI device 0000:05:00.0");
    EXPECT_EQ(passed_by({"-device", "usb-host,vendorid=1"}), "");
    EXPECT_EQ(passed_by({"-device", "virtio-net-pci,host=01:00.0"}), "");
    EXPECT_TRUE(parsed(command_line({"-device", "vfio-pci,host=01:00.0"})).facts.memory_locked);
}

TEST(QemuArguments, MemoryMayBeLockedByThem)
{
    const auto locked = [](const std::string& option, const std::string& value) {
        return parsed(command_line({option, value})).facts.memory_locked;
    };
    EXPECT_TRUE(locked("-overcommit", "mem-lock=on"));
    EXPECT_TRUE(locked("-overcommit", "cpu-pm=on,mem-lock=on-fault"));
    EXPECT_TRUE(locked("-realtime", "mlock=on"));
    EXPECT_FALSE(locked("-overcommit", "cpu-pm=on,mem-lock=off"));
    EXPECT_FALSE(locked("-realtime", "mlock=off"));
}

TEST(QemuArguments, NeitherGarbageNorSizeMatters)
{
    for (const auto* value : {"", ",", "=", ",,", "{", "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", ".=", "a.b",
                              "=b.c", "driver=,property="}) {
        for (const auto* option : {"-machine", "-global", "-device", "-numa", "-set", "-accel",
                                   "-netdev", "-blockdev", "-cpu", "-"}) {
            EXPECT_NO_THROW(overridden_by({option, value})) << option << " " << value;
        }
    }
    const auto name = overridden_by({"-global", std::string(100000, 'a') + "-cpu.topoext=on"});
    EXPECT_LT(name.size(), 200U);
    EXPECT_LT(passed_by({"-device", "vfio-pci,host=" + std::string(100000, 'a')}).size(), 200U);
}

TEST(QemuArguments, AddressesAreWhole)
{
    EXPECT_EQ(whole_pci_address("01:00.0"), "0000:01:00.0");
    EXPECT_EQ(whole_pci_address("0001:aF:1f.7"), "0001:af:1f.7");
    for (const auto* wrong :
         {"", "01:00", "0000:01:00.0/", "0000:01:00-0", "00001:01:00.0", ":", "0000:0g:00.0"}) {
        EXPECT_EQ(whole_pci_address(wrong), "") << wrong;
    }
}

} // namespace
} // namespace virtpind
