// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/ctl/run_times.hpp"
#include "tests/support/client_samples.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace virtpind::client {
namespace {

class RunTimes : public testing::Test {
protected:
    void write(const std::string& file, const std::string& text)
    {
        const auto path = folder_.path() / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream{path} << text;
    }

    // A QEMU as libvirt starts it, with one vCPU.
    void add_process(const std::string& pid, const std::string& uuid)
    {
        using namespace std::string_literals;
        write(pid + "/cmdline", "qemu\0-name\0guest=x\0-uuid\0"s + uuid + "\0-S\0"s);
        write(pid + "/task/" + pid + "/comm", "qemu-system-x86\n");
        write(pid + "/task/" + pid + "/schedstat", "1 1 1\n");
        write(pid + "/task/77/comm", "CPU 3/KVM\n");
        write(pid + "/task/77/schedstat", "5000 700 12\n");
    }

    test::TemporaryFolder folder_;
    std::vector<Guest> guests_ = sample_snapshot().guests;
};

TEST_F(RunTimes, AreThoseOfVcpuThreads)
{
    add_process("50", sample_uuid(5));
    add_process("51", "99999999-2222-3333-4444-555555555555"); // of nobody who is asked for
    const auto times = read_run_times(folder_.path(), guests_);
    ASSERT_EQ(times.size(), 1U);
    const auto& win11 = times.at(sample_uuid(5));
    ASSERT_EQ(win11.size(), 1U);
    EXPECT_EQ(win11.at(3).run_ns, 5000U);
    EXPECT_EQ(win11.at(3).wait_ns, 700U);
}

TEST_F(RunTimes, LeaveOutWhatCannotBeRead)
{
    add_process("50", sample_uuid(5));
    write("50/task/78/comm", "CPU x/KVM\n");
    write("50/task/79/comm", "CPU 4/KVM\n"); // it has ended: no schedstat
    write("50/task/80/comm", "CPU 5/KVM\n");
    write("50/task/80/schedstat", "many\n");
    write("60/status", "no cmdline\n");
    write("self/cmdline", "no number\n");
    EXPECT_EQ(read_run_times(folder_.path(), guests_).at(sample_uuid(5)).size(), 1U);
    EXPECT_TRUE(read_run_times(folder_.path() / "nonexistent", guests_).empty());
}

TEST_F(RunTimes, AreShownBySharesOfTheTimeBetween)
{
    const auto uuid = sample_uuid(5);
    constexpr std::uint64_t second = 1'000'000'000;
    const GuestTimes before{{uuid, {{0, {0, 0}}, {1, {second, 0}}, {2, {0, 0}}}}};
    const GuestTimes now{{uuid, {{0, {second / 2, second / 4}}, {1, {second, 0}}, {3, {5, 5}}}}};
    const std::vector<Guest> guests{guests_[4], guests_[1]};
    EXPECT_EQ(render_times(guests, before, now, second, 20, {.width = 80}),
              "GUEST  VCPU  CPUS  RUN%  WAIT%\n"
              "win11     0  8     49.9   24.9\n"
              "win11     1  24     0.0    0.0\n"
              "Not measured, as no process of them is seen here: gpu-lab\n");
}

} // namespace
} // namespace virtpind::client
