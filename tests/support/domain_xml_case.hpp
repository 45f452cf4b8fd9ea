// SPDX-License-Identifier: LGPL-2.1-or-later
// A definition with something of everything, and definitions of one element, for tests of the XML.
#pragma once

#include "daemon/domain_xml/domain_xml.hpp"
#include "tests/support/cpu_sets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace virtpind::test {

constexpr std::string_view win11 = R"(<?xml version='1.0'?>
<!-- kept by virsh edit -->
<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>win11</name>
  <uuid>C7A5FDBD-EDAF-9455-926A-D65C16DB1809</uuid>
  <metadata>
    <tool:os xmlns:tool='https://example.org/tool'><!-- nested --><tool:k v="it's"/></tool:os>
    <virtpind:policy xmlns:virtpind='https://virtpind.org/policy/1' name='dedicated' smt='isolate'/>
  </metadata>
  <memory unit='GiB'>16</memory>
  <memoryBacking>
    <hugepages>
      <page size='1' unit='G'/>
    </hugepages>
  </memoryBacking>
  <vcpu placement='static' current='4' cpuset='0-7,^2'>8</vcpu>
  <vcpus>
    <vcpu id='0' enabled='yes' hotpluggable='no'/>
    <vcpu id='1' enabled='yes' hotpluggable='yes'/>
    <vcpu id='6' enabled='yes' hotpluggable='yes'/>
  </vcpus>
  <iothreads>3</iothreads>
  <iothreadids>
    <iothread id='2'/>
  </iothreadids>
  <cputune>
    <shares>2048</shares>
    <!-- pins -->
    <vcpupin vcpu='0' cpuset='4'/>
    <vcpupin vcpu='6' cpuset='5-6'/>
    <emulatorpin cpuset='0-1'/>
    <iothreadpin iothread='2' cpuset='1'/>
    <vcpusched vcpus='0' scheduler='fifo' priority='1'/>
  </cputune>
  <numatune>
    <memory mode='interleave' nodeset='0-1'/>
    <memnode cellid='1' mode='strict' nodeset='1'/>
  </numatune>
  <cpu mode='host-passthrough'>
    <topology sockets='1' dies='2' cores='2' threads='2'/>
    <numa>
      <cell id='0' cpus='0-3' memory='8388608' unit='KiB'/>
      <cell id='1' cpus='4-7' memory='8' unit='GiB'/>
    </numa>
  </cpu>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x0A' slot='0x00' function='0x1'/></source>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
    </hostdev>
    <hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/></source></hostdev>
    <interface type='hostdev'>
      <source><address type='pci' domain='0x0000' bus='0x07' slot='0x10' function='0x2'/></source>
    </interface>
  </devices>
  <qemu:commandline><qemu:arg value='-s'/></qemu:commandline>
</domain>
)";

inline NodeSet nodes(std::string_view text)
{
    return *NodeSet::parse(text);
}

inline ObservedDomain parsed(std::string_view text, XmlKind kind = XmlKind::config)
{
    auto domain = parse_domain_xml(text, PolicyCatalog{}, kind);
    EXPECT_TRUE(domain) << (domain ? "" : domain.error().message);
    return domain ? *domain : ObservedDomain{};
}

inline std::string domain_with(std::string_view inside)
{
    return "<domain type='test'><name>web1</name>" + std::string{inside} + "</domain>";
}

} // namespace virtpind::test
