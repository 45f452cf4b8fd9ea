// SPDX-License-Identifier: LGPL-2.1-or-later
// What is said when libvirt refuses a definition: the linker lets this test's function define
// another one than was asked, which libvirt itself refuses, quoting it.
#include "daemon/host/virt_connection.hpp"
#include "daemon/host/virt_definition.hpp"
#include "daemon/host/virt_error.hpp"

#include <gtest/gtest.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <string>

namespace {

std::string said_by_libvirt; // the last refusal

} // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" virDomainPtr __real_virDomainDefineXMLFlags(virConnectPtr, const char*, unsigned);

extern "C" virDomainPtr __wrap_virDomainDefineXMLFlags(virConnectPtr connection,
                                                       const char* /*xml*/, unsigned /*flags*/)
{
    auto* defined =
        __real_virDomainDefineXMLFlags(connection, "<domain>\n<title>s3cr3t</title\n</domain>", 0);
    said_by_libvirt = virGetLastErrorMessage();
    return defined;
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace virtpind::host {
namespace {

TEST(DefinitionErrors, DoNotQuoteTheDefinition)
{
    silence_libvirt();
    const auto connection = VirtConnection::open_deaf("test:///default");
    ASSERT_TRUE(connection);
    const DomainHandle domain{virDomainLookupByName((*connection)->raw(), "test")};
    ASSERT_TRUE(domain);
    DefinitionChange change;
    change.pins.vcpus = {{VcpuId{0}, *CpuSet::parse("1")}};
    const auto changed = change_definition(**connection, domain.get(), change,
                                           [](const auto&, const auto&) { return Result<void>{}; });
    ASSERT_FALSE(changed);
    ASSERT_NE(said_by_libvirt.find("s3cr3t"), std::string::npos) << said_by_libvirt;
    EXPECT_EQ(changed.error().message.find("s3cr3t"), std::string::npos) << changed.error().message;
    EXPECT_EQ(changed.error().code, Errc::apply_failed);
    EXPECT_EQ(changed.error().native_code, VIR_ERR_XML_DETAIL);
    EXPECT_NE(changed.error().message.find("in the log"), std::string::npos);
}

} // namespace
} // namespace virtpind::host
