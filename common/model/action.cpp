// SPDX-License-Identifier: LGPL-2.1-or-later
#include "action.hpp"

namespace virtpind {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

} // namespace

std::string describe(const LiveAction& action)
{
    return std::visit(
        Overloaded{
            [](const PinVcpu& pin) {
                return "pinning vCPU " + std::to_string(raw(pin.vcpu)) + " to " + pin.cpus.str();
            },
            [](const PlugVcpu& plug) { return "plugging vCPU " + std::to_string(raw(plug.vcpu)); },
            [](const UnplugVcpu& unplug) {
                return "unplugging vCPU " + std::to_string(raw(unplug.vcpu));
            },
            [](const PinEmulator& pin) { return "pinning the emulator to " + pin.cpus.str(); },
            [](const PinIothread& pin) {
                return "pinning I/O thread " + std::to_string(raw(pin.iothread)) + " to " +
                       pin.cpus.str();
            },
            [](const SetNuma& set) { return "moving memory to node " + set.numatune.nodes.str(); },
        },
        action);
}

} // namespace virtpind
