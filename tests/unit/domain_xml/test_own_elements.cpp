// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/domain_xml/definition_editor.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

// Every place of a definition where somebody may write what others must not read.
constexpr const char* full_of_secrets = R"(<!-- secret --><domain type='kvm' xmlns:qemu='secret'>
  <name>secret</name><title>secret</title><description>secret</description>
  <metadata><app xmlns='secret'>secret</app></metadata>
  <vcpu placement='static' cpuset='0-3' current='2' secret='secret'>4<!-- secret --><secret/></vcpu>
  <vcpus><vcpu id='0' enabled='yes' secret='secret'/><secret/></vcpus>
  <iothreadids><iothread id='1'><poll max='secret'/></iothread></iothreadids>
  <cputune secret='secret'>
    <shares>secret</shares><vcpupin vcpu='0' cpuset='1' secret='secret'><secret/></vcpupin>
    <emulatorpin cpuset='2'/><iothreadpin iothread='1' cpuset='3'/>
    <vcpusched vcpus='0' scheduler='fifo' priority='1' secret='secret'/>
    <cachetune vcpus='0' secret='secret'><cache id='0' level='3' type='both' size='3' unit='MiB'/></cachetune>
    <cachetune vcpus='1'><monitor level='3' vcpus='1'/><secret/></cachetune>
    <memorytune vcpus='1'><node id='0' bandwidth='60'/></memorytune>
  </cputune>
  <numatune><memory mode='strict' nodeset='0'/><memnode cellid='0' mode='strict' nodeset='1'/></numatune>
  <os firmware='secret'><type>hvm</type><smbios mode='sysinfo'/><cmdline>secret</cmdline>
    <loader>secret</loader></os>
  <sysinfo type='smbios'><oemStrings><entry>secret</entry></oemStrings></sysinfo>
  <cpu mode='custom' match='exact' secret='secret'><model fallback='allow' vendor_id='secret'>EPYC</model>
    <topology sockets='1' cores='2' threads='2'/><cache mode='passthrough'/>
    <feature policy='require' name='topoext'/><feature policy='require' name='secret'/>
    <numa><cell id='0' cpus='0-3' memory='1' unit='GiB'><distances secret='secret'/></cell></numa></cpu>
  <devices><graphics passwd='secret'/></devices>
  <qemu:commandline><qemu:env name='secret' value='secret'/></qemu:commandline>
</domain>)";

TEST(OwnElements, AreAllThatIsShown)
{
    const auto editor = DefinitionEditor::open(full_of_secrets);
    ASSERT_TRUE(editor) << editor.error().message;
    EXPECT_EQ(editor->own_elements(), R"(<domain>
  <vcpu placement='static' cpuset='0-3' current='2'>4</vcpu>
  <vcpus>
    <vcpu id='0' enabled='yes' />
  </vcpus>
  <iothreadids>
    <iothread id='1' />
  </iothreadids>
  <cputune>
    <vcpupin vcpu='0' cpuset='1' />
    <emulatorpin cpuset='2' />
    <iothreadpin iothread='1' cpuset='3' />
    <vcpusched vcpus='0' scheduler='fifo' priority='1' />
    <cachetune vcpus='0'>
      <cache id='0' level='3' type='both' size='3' unit='MiB' />
    </cachetune>
    <cachetune vcpus='1'>
      <monitor level='3' vcpus='1' />
    </cachetune>
    <memorytune vcpus='1'>
      <node id='0' bandwidth='60' />
    </memorytune>
  </cputune>
  <numatune>
    <memory mode='strict' nodeset='0' />
    <memnode cellid='0' mode='strict' nodeset='1' />
  </numatune>
  <os>
    <smbios mode='sysinfo' />
  </os>
  <cpu mode='custom' match='exact'>
    <model fallback='allow'>EPYC</model>
    <topology sockets='1' cores='2' threads='2' />
    <cache mode='passthrough' />
    <numa>
      <cell id='0' cpus='0-3' memory='1' unit='GiB' />
    </numa>
    <feature policy='require' name='topoext' />
  </cpu>
</domain>
)");
}

TEST(OwnElements, AreNothingOfADefinitionThatHasNone)
{
    EXPECT_EQ(DefinitionEditor::open("<domain><name>secret</name></domain>").value().own_elements(),
              "<domain />\n");
}

} // namespace
} // namespace virtpind
