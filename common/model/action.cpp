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
                return "pin vCPU " + std::to_string(raw(pin.vcpu)) + " to " + pin.cpus.str();
            },
            [](const PlugVcpu& plug) { return "plug vCPU " + std::to_string(raw(plug.vcpu)); },
            [](const UnplugVcpu& unplug) {
                return "unplug vCPU " + std::to_string(raw(unplug.vcpu));
            },
            [](const PinEmulator& pin) { return "pin the emulator to " + pin.cpus.str(); },
            [](const PinIothread& pin) {
                return "pin I/O thread " + std::to_string(raw(pin.iothread)) + " to " +
                       pin.cpus.str();
            },
            [](const SetNuma& set) { return "move memory to node " + set.numatune.nodes.str(); },
        },
        action);
}

} // namespace virtpind
