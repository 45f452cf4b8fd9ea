// SPDX-License-Identifier: LGPL-2.1-or-later
// What one change of a definition costs before libvirt is asked to take it: read the text, make the
// change, note how it was before, write the text. By the number of vCPUs.
#include "common/model/original_state.hpp"
#include "common/model/parts.hpp"
#include "common/model/undo_content.hpp"
#include "daemon/domain_xml/definition_editor.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace virtpind {
namespace {

// As libvirt writes one of a guest with two dozen devices; every vCPU has a pin.
std::string definition_of(unsigned vcpus)
{
    std::string text = "<domain type='kvm'>\n  <name>web</name>\n  <memory "
                       "unit='KiB'>8388608</memory>\n  <vcpu placement='static'>" +
                       std::to_string(vcpus) + "</vcpu>\n  <cputune>\n";
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        const auto id = std::to_string(vcpu);
        text += "    <vcpupin vcpu='" + id + "' cpuset='" + id + "'/>\n";
    }
    text += "  </cputune>\n  <os>\n    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>\n  "
            "</os>\n  <cpu mode='host-model' check='partial'/>\n  <devices>\n";
    for (int disk = 0; disk < 24; ++disk) {
        text += "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n"
                "      <source file='/var/lib/libvirt/images/web-" +
                std::to_string(disk) + ".qcow2'/>\n      <target dev='vd" +
                static_cast<char>('a' + disk) + "' bus='virtio'/>\n    </disk>\n";
    }
    return text + "  </devices>\n</domain>\n";
}

// Other pins, another shape and some tunes.
DefinitionChange change_of(unsigned vcpus)
{
    DefinitionChange change;
    change.pins.emulator = CpuSet{CpuId{0}};
    change.tuning.cpus = GuestCpus{.topology = {.cores = vcpus / 2, .threads = 2},
                                   .pins = {},
                                   .cells = {},
                                   .numatune = std::nullopt};
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        change.tuning.cpus->pins[VcpuId{vcpu}] = CpuSet{CpuId{vcpus + vcpu}};
    }
    change.tuning.apply = {Tune::cache_passthrough, Tune::no_migrate};
    return change;
}

void read_definition(benchmark::State& state)
{
    const auto text = definition_of(static_cast<unsigned>(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(parse_domain_xml(text, PolicyCatalog{}, XmlKind::config).value());
    }
}

void change_definition(benchmark::State& state)
{
    const auto vcpus = static_cast<unsigned>(state.range(0));
    const auto text = definition_of(vcpus);
    const auto change = change_of(vcpus);
    for (auto _ : state) {
        auto editor = DefinitionEditor::open(text).value();
        const auto now = editor.read().value();
        if (!editor.make(change)) {
            state.SkipWithError("the change cannot be made");
            return;
        }
        const auto next = editor.parts().value();
        BeforeImage image{.config = now.definition_pins(), .parts = now.definition->cpus->parts};
        image.note_written(now.definition->cpus->parts, next);
        editor.set_note(note_of(image, next));
        benchmark::DoNotOptimize(editor.text());
    }
}

BENCHMARK(read_definition)->RangeMultiplier(4)->Range(2, 128);
BENCHMARK(change_definition)->RangeMultiplier(4)->Range(2, 128);

} // namespace
} // namespace virtpind

BENCHMARK_MAIN();
