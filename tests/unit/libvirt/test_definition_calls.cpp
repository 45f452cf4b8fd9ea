// SPDX-License-Identifier: LGPL-2.1-or-later
// How libvirt is asked to take a definition, and what is said when it does not. The linker lets
// calls to virDomainDefineXMLFlags come by here first.
#include "common/model/parts.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/libvirt/connection.hpp"
#include "daemon/libvirt/definition_writer.hpp"
#include "daemon/libvirt/error.hpp"
#include "daemon/libvirt/observer.hpp"

#include <gtest/gtest.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

bool breaks = false;         // the definitions are broken on their way
std::string said_by_libvirt; // of the last one that was broken
std::vector<unsigned> flags_seen;

} // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" virDomainPtr __real_virDomainDefineXMLFlags(virConnectPtr, const char*, unsigned);

extern "C" virDomainPtr __wrap_virDomainDefineXMLFlags(virConnectPtr connection, const char* xml,
                                                       unsigned flags)
{
    if (breaks) {
        auto* defined = __real_virDomainDefineXMLFlags(
            connection, "<domain><title>s3cr3t<</title></domain>", 0);
        said_by_libvirt = virGetLastErrorMessage();
        return defined;
    }
    flags_seen.push_back(flags);
    return __real_virDomainDefineXMLFlags(connection, xml, flags);
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace virtpind {
namespace {

class DefinitionCalls : public testing::Test {
protected:
    void SetUp() override
    {
        silence_libvirt();
        breaks = false;
        auto opened = VirtConnection::open_deaf("test:///default");
        ASSERT_TRUE(opened);
        connection_ = std::move(*opened);
        domain_.reset(virDomainLookupByName(connection_->raw(), "test"));
        ASSERT_TRUE(domain_);
    }

    [[nodiscard]] Result<DefinitionOutcome> pin_to(const char* cpu) const
    {
        DefinitionChange change;
        change.pins.vcpus = {{VcpuId{0}, *CpuSet::parse(cpu)}};
        return change_definition(
            *connection_, domain_.get(), change, std::nullopt,
            [](const auto&, const auto&) { return Result<std::optional<UndoNote>>{std::nullopt}; });
    }

    std::unique_ptr<VirtConnection> connection_;
    DomainHandle domain_;
};

TEST_F(DefinitionCalls, ErrorsDoNotQuoteTheDefinition)
{
    breaks = true;
    const auto changed = pin_to("1");
    ASSERT_FALSE(changed);
    ASSERT_NE(said_by_libvirt.find("s3cr3t"), std::string::npos) << said_by_libvirt;
    const auto& said = changed.error().message;
    EXPECT_EQ(said.find("s3cr3t"), std::string::npos) << said;
    EXPECT_NE(said.find("in the log"), std::string::npos) << said;
    EXPECT_EQ(changed.error().code, Errc::apply_failed);
}

TEST_F(DefinitionCalls, OnlyDefinitionsOfAUsualSizeAreCheckedAgainstTheSchema)
{
    flags_seen.clear();
    ASSERT_TRUE(pin_to("1"));
    EXPECT_EQ(flags_seen, std::vector<unsigned>{VIR_DOMAIN_DEFINE_VALIDATE});

    const std::string much(validated_bytes_max, 'x');
    ASSERT_EQ(virDomainSetMetadata(domain_.get(), VIR_DOMAIN_METADATA_DESCRIPTION, much.c_str(),
                                   nullptr, nullptr, VIR_DOMAIN_AFFECT_CONFIG),
              0);
    flags_seen.clear();
    ASSERT_TRUE(pin_to("2"));
    EXPECT_EQ(flags_seen, std::vector<unsigned>{0});
}

// What libvirt makes of the rest is there already.
TEST_F(DefinitionCalls, ANoteGoesAlsoWhereWritingChangesNothingElse)
{
    const auto parsed = [this] {
        const auto text = read_xml(domain_.get(), VIR_DOMAIN_XML_INACTIVE);
        return *parse_domain_xml(*text, PolicyCatalog{}, XmlKind::config);
    };
    const auto as_meant = pin_to("1");
    ASSERT_TRUE(as_meant);
    ASSERT_TRUE(pin_to("2"));
    UndoNote note;
    note.parts["cputune/vcpupin:0"] = {.before = "", .ours = {"2"}};
    ASSERT_TRUE(write_note(domain_.get(), note, VIR_DOMAIN_AFFECT_CONFIG));
    const auto now = parsed();
    ASSERT_TRUE(now.definition_note());
    DefinitionChange change;
    change.pins.vcpus = {{VcpuId{0}, *CpuSet::parse("1")}};
    change.note = DefinitionChange::Note::remove;
    const auto changed = change_definition(
        *connection_, domain_.get(), change,
        DefinitionWrite{.meant = as_meant->meant, .made = parts_of(now), .whole = true},
        [](const auto&, const auto&) { return Result<std::optional<UndoNote>>{std::nullopt}; });
    ASSERT_TRUE(changed);
    const auto after = parsed();
    EXPECT_FALSE(after.definition_note());
    EXPECT_EQ(parts_of(after), parts_of(now));
}

} // namespace
} // namespace virtpind
