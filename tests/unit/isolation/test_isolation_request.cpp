// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/isolation/isolation_answer.hpp"
#include "common/isolation/isolation_request.hpp"
#include "tests/support/cpu_sets.hpp"

#include <gtest/gtest.h>

#include <string>

namespace virtpind {
namespace {

using test::cpus;

const std::string web1 = R"(machine-qemu\x2d1\x2dweb1.scope)";

TEST(IsolationRequest, RoundTrips)
{
    const IsolationRequest request{.scope = web1,
                                   .threads = {{"emulator", cpus("6-7")},
                                               {"idle", cpus("9,11")},
                                               {"vcpu0", cpus("8")},
                                               {"vcpu10", cpus("12")},
                                               {"vcpu2", cpus("10")}}};
    const auto line = format_isolation_request(request);
    EXPECT_EQ(line, "isolate " + web1 + " emulator=6-7 idle=9,11 vcpu0=8 vcpu10=12 vcpu2=10");
    EXPECT_EQ(parse_isolation_request(line).value(), request);
    EXPECT_EQ(parse_isolation_request("isolate " + web1).value().threads, IsolatedThreads{});
}

TEST(IsolationRequest, TakesTheNamesThatLibvirtGives)
{
    for (const auto* scope :
         {R"(machine-qemu\x2d1\x2dweb1.scope)", R"(machine-qemu\x2d2147483647\x2dA.b_c:d.scope)",
          R"(machine-qemu\x2d0\x2d\xc3\xa4.scope)"}) {
        EXPECT_TRUE(is_guest_scope(scope)) << scope;
    }
    for (const auto* thread : {"vcpu0", "vcpu16383", "iothread1", "emulator", "idle"}) {
        EXPECT_TRUE(is_isolated_thread(thread)) << thread;
    }
}

TEST(IsolationRequest, RefusesNamesThatLeadElsewhere)
{
    for (const std::string scope : {"",
                                    ".",
                                    "..",
                                    "../system.slice",
                                    "/",
                                    "system.slice",
                                    "machine-qemu.scope",
                                    R"(machine-qemu\x2d1\x2d.scope)",
                                    R"(machine-qemu\x2d1\x2d..scope)",
                                    R"(machine-qemu\x2d1\x2da/b.scope)",
                                    R"(machine-qemu\x2d1\x2d../x.scope)",
                                    R"(machine-qemu\x2d01\x2da.scope)",
                                    R"(machine-qemu\x2d2147483648\x2da.scope)",
                                    R"(machine-qemu\x2d-1\x2da.scope)",
                                    R"(machine-qemu\x2dx\x2da.scope)",
                                    R"(machine-qemu\x2d1\x2da\x2.scope)",
                                    R"(machine-qemu\x2d1\x2da\xZZ.scope)",
                                    R"(machine-qemu\x2d1\x2da\y.scope)",
                                    R"(machine-qemu\x2d1\x2da b.scope)",
                                    R"(machine-lxc\x2d1\x2da.scope)",
                                    R"(machine-qemu\x2d1\x2da.service)",
                                    "machine-qemu-1-a.scope"}) {
        EXPECT_FALSE(is_guest_scope(scope)) << scope;
    }
    EXPECT_FALSE(is_guest_scope(R"(machine-qemu\x2d1\x2d)" + std::string(300, 'a') + ".scope"));
    EXPECT_FALSE(is_guest_scope(std::string{R"(machine-qemu\x2d1\x2da)"} + '\0' + ".scope"));
    for (const auto* thread :
         {"", "vcpu", "vcpu00", "vcpu01", "vcpu-1", "vcpu 1", "vcpu16384", "vcpu99999999999",
          "iothread", "../vcpu0", "vcpu0/..", "Emulator", "virtpind-idle", "libvirt", "."}) {
        EXPECT_FALSE(is_isolated_thread(thread)) << thread;
    }
}

TEST(IsolationRequest, RefusesWhatItWouldNotWrite)
{
    for (const auto& line : {std::string{},
                             std::string{"isolate"},
                             "isolate  " + web1,
                             "isolate " + web1 + " ",
                             " isolate " + web1,
                             "Isolate " + web1,
                             "isolate " + web1 + "  vcpu0=8",
                             "isolate " + web1 + " vcpu0",
                             "isolate " + web1 + " vcpu0=",
                             "isolate " + web1 + " =8",
                             "isolate " + web1 + " vcpu0=8 vcpu0=9",
                             "isolate " + web1 + " vcpu1=8 vcpu0=9",
                             "isolate " + web1 + " vcpu0=9-8",
                             "isolate " + web1 + " vcpu0=8,9",
                             "isolate " + web1 + " vcpu0=08",
                             "isolate " + web1 + " vcpu0=8-9,^8",
                             "isolate " + web1 + " vcpu0=16384",
                             "isolate " + web1 + " vcpu0=8\t",
                             "isolate " + web1 + " vcpu0=8;rm",
                             "isolate " + web1 + "\nvcpu0=8",
                             "isolate " + web1 + " vcpu0=8\n",
                             "isolate " + web1 + " vcpu0=8 off",
                             std::string{"isolate ../system.slice vcpu0=8"}}) {
        const auto parsed = parse_isolation_request(line);
        ASSERT_FALSE(parsed) << line;
        EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
        EXPECT_NE(parsed.error().message.find("isolate SCOPE"), std::string::npos);
    }
}

TEST(IsolationRequest, IsBounded)
{
    auto line = "isolate " + web1;
    for (std::size_t i = 0; i <= isolated_threads_max; ++i) {
        line += " iothread" + std::to_string(10000 + i) + "=1";
    }
    ASSERT_LT(line.size(), isolation_request_bytes_max);
    EXPECT_FALSE(parse_isolation_request(line));
    EXPECT_TRUE(parse_isolation_request(line.substr(0, line.rfind(' '))));
    EXPECT_FALSE(parse_isolation_request(
        "isolate " + web1 + " vcpu0=" + std::string(isolation_request_bytes_max, '1')));
}

TEST(IsolationAnswer, RoundTrips)
{
    for (const auto& answer :
         {IsolationAnswer{}, IsolationAnswer{.refused = {}, .cpus = cpus("8-9"), .detail = {}},
          IsolationAnswer{.refused = IsolationRefusal::no_guest, .cpus = cpus(""), .detail = {}},
          IsolationAnswer{.refused = IsolationRefusal::below_floor,
          .cpus = cpus("0-3"),
          .detail = "no whole core : would be left"}}) {
        EXPECT_EQ(parse_isolation_answer(format_isolation_answer(answer)).value(), answer);
    }
    EXPECT_EQ(format_isolation_answer({.refused = IsolationRefusal::others_pinned,
                                       .cpus = cpus("8"),
                                       .detail = "vcpu0\nof x"}),
              "refused others-pinned 8 : vcpu0\\x0aof x");
}

TEST(IsolationAnswer, RefusesWhatIsNone)
{
    for (const auto* line : {"", "ok", "isolated8", "isolated 9-8", "isolated ", "refused",
                             "refused ", "refused nonsense", "refused no-guest x"}) {
        EXPECT_FALSE(parse_isolation_answer(line)) << line;
    }
}

} // namespace
} // namespace virtpind
