// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/commands/migrate_xml_command.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace virtpind {
namespace {

class MigrateXmlCommand : public testing::Test {
protected:
    int run(const std::string& domain)
    {
        MigrateXmlOptions options;
        options.uri = "test:///default";
        options.domain = domain;
        return run_migrate_xml_command(options, out_, err_);
    }

    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(MigrateXmlCommand, FindsADomainByNameAndByUuid)
{
    ASSERT_EQ(run("test"), 0) << err_.str();
    const auto by_name = out_.str();
    EXPECT_NE(by_name.find("<name>test</name>"), std::string::npos) << by_name;
    out_.str("");
    ASSERT_EQ(run("6695eb01-f6a4-8304-79aa-97f2502e193f"), 0) << err_.str();
    EXPECT_EQ(out_.str(), by_name);
}

TEST_F(MigrateXmlCommand, SaysWhichDomainIsNotThereAndWhatIs)
{
    EXPECT_EQ(run("nosuch"), 1);
    EXPECT_EQ(out_.str(), "");
    EXPECT_NE(err_.str().find("'nosuch'"), std::string::npos) << err_.str();
    EXPECT_NE(err_.str().find("virsh list --all"), std::string::npos) << err_.str();
}

} // namespace
} // namespace virtpind
