// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw messages from a bus that the fuzzer plays itself: whatever comes, the service lives and
// answers a Ping afterwards. The input is a list of messages, of each eight bytes that choose its
// parts, two for a length, and so many bytes of its body; or, by its first byte, bytes as they are.
// What libsystemd takes for a broken message ends the connection: a new one is made then.
#include "tests/fuzz/played_bus.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace virtpind;
using fuzz::PlayedBus;

// Takes pieces of the input, and zeros behind its end.
class Input {
public:
    explicit Input(std::string_view bytes) : bytes_{bytes} {}

    [[nodiscard]] bool empty() const { return bytes_.empty(); }

    std::uint8_t byte()
    {
        if (bytes_.empty()) {
            return 0;
        }
        const auto first = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return first;
    }

    std::string_view take(std::size_t most)
    {
        const auto taken = bytes_.substr(0, most);
        bytes_.remove_prefix(taken.size());
        return taken;
    }

    template <std::size_t Size>
    const char* one_of(const std::array<const char*, Size>& choices)
    {
        return choices[byte() % Size];
    }

private:
    std::string_view bytes_;
};

constexpr std::array paths{"/org/virtpind1",
                           "/org/virtpind1/domain/_1b4e28ba_2fa1_11d2_883f_0016d3cca427",
                           "/org/virtpind1/domain", "/", "/org/virtpind1/x"};
constexpr std::array interfaces{"org.virtpind1.Manager",
                                "org.virtpind1.Domain",
                                "org.freedesktop.DBus.Properties",
                                "org.freedesktop.DBus.Introspectable",
                                "org.freedesktop.DBus.ObjectManager",
                                "org.freedesktop.DBus.Peer",
                                "org.freedesktop.DBus",
                                "a.b"};
constexpr std::array members{"Plan",
                             "SetPolicy",
                             "ResetPolicy",
                             "Reapply",
                             "Hold",
                             "Release",
                             "Reload",
                             "Describe",
                             "Explain",
                             "GetDomain",
                             "ListDomains",
                             "List",
                             "Why",
                             "ExportTopology",
                             "Get",
                             "GetAll",
                             "Set",
                             "Introspect",
                             "Ping",
                             "GetMachineId",
                             "GetManagedObjects",
                             "NameOwnerChanged",
                             "NoSuch"};
constexpr std::array signatures{"",        "s",       "ss", "ssv",   "t", "st", "sss",  "ssa{sv}t",
                                "sa{sv}t", "ssa{sv}", "v",  "a{sv}", "u", "as", "(ss)", "aay"};
constexpr std::array senders{":1.7", ":1.8", ":1.9", "org.freedesktop.DBus"};

std::string next_message(Input& input, std::uint32_t serial)
{
    PlayedBus::Parts parts;
    parts.type = static_cast<std::uint8_t>(1 + input.byte() % 4);
    parts.flags = input.byte();
    parts.path = input.one_of(paths);
    parts.interface = input.one_of(interfaces);
    parts.member = input.one_of(members);
    parts.signature = input.one_of(signatures);
    parts.sender = input.one_of(senders);
    parts.serial = serial;
    parts.answers = 1 + input.byte() % 32U;
    const auto low = input.byte();
    parts.body = input.take(low | std::size_t{input.byte()} << 8);
    return PlayedBus::message(parts);
}

void feed(PlayedBus& bus, std::string_view bytes)
{
    Input input{bytes};
    if (input.byte() % 8 == 7) {
        bus.send(input.take(1 << 20));
        bus.give_up(); // it may wait for the rest of a message
        return;
    }
    for (std::uint32_t serial = 1000; !input.empty() && serial < 1064; ++serial) {
        bus.send(next_message(input, serial));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static std::unique_ptr<PlayedBus> bus;
    if (!bus || !bus->is_sound()) {
        bus = std::make_unique<PlayedBus>();
    }
    feed(*bus, {reinterpret_cast<const char*>(data), size});
    // Who asks then is answered, or the connection has ended.
    if (bus->is_sound() && !bus->answers() && bus->is_sound()) {
        std::abort();
    }
    return 0;
}
