// SPDX-License-Identifier: LGPL-2.1-or-later
// What a call that failed says, of the guest and of libvirt.
#include "daemon/libvirt/domain_calls.hpp"
#include "daemon/libvirt/domain_jobs.hpp"

#include <gtest/gtest.h>
#include <libvirt/virterror.h>

namespace virtpind {
namespace {

using std::chrono::milliseconds;

Error error_of(int native_code, Errc code = Errc::apply_failed)
{
    return {.code = code, .message = "was auch immer", .native_code = native_code};
}

TEST(DomainCalls, GuestThatSaysNoOrNothingKeepsItsVcpu)
{
    for (const auto code :
         {VIR_ERR_OPERATION_FAILED, VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_INTERNAL_ERROR}) {
        EXPECT_TRUE(is_guest_refusal(error_of(code), milliseconds{5'100})) << code;
    }
    EXPECT_FALSE(is_guest_refusal(error_of(VIR_ERR_OPERATION_DENIED), milliseconds{1}));
}

// In whatever language libvirtd says so.
TEST(DomainCalls, CallThatWaitedForTheLockSaysNothingOfTheGuest)
{
    EXPECT_FALSE(is_guest_refusal(error_of(VIR_ERR_OPERATION_TIMEOUT), milliseconds{30'001}));
}

TEST(DomainCalls, LostConnectionSaysNothingOfTheGuest)
{
    EXPECT_FALSE(is_guest_refusal(error_of(VIR_ERR_INTERNAL_ERROR, Errc::host_unavailable),
                                  milliseconds{1}));
}

TEST(IsBusy, SaysWhetherAnythingWasChanged)
{
    EXPECT_NE(is_busy("migrated").message.find("nothing was changed"), std::string::npos);
    EXPECT_EQ(is_busy("migrated", 2).message.find("nothing"), std::string::npos);
    EXPECT_NE(is_busy("migrated", 2).message.find("2 changes"), std::string::npos);
}

} // namespace
} // namespace virtpind
