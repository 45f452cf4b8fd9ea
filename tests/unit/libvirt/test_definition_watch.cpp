// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/libvirt/definition_watch.hpp"
#include "daemon/libvirt/event_thread.hpp"
#include "daemon/libvirt/handles.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

using enum DefinitionEvent;

TEST(IsRaised, OnlyWhatNobodyButWeDefinedSinceItWasUndefined)
{
    EXPECT_TRUE(is_raised({removed, added}));
    EXPECT_TRUE(is_raised({added})) << "that it went was heard before";
    EXPECT_TRUE(is_raised({removed, updated})) << "one that runs";
    EXPECT_TRUE(is_raised({removed, added, removed, added})) << "its owner thought better of it";

    EXPECT_FALSE(is_raised({}));
    EXPECT_FALSE(is_raised({updated}));
    EXPECT_FALSE(is_raised({updated, updated}));
    EXPECT_FALSE(is_raised({removed})) << "gone again";
    EXPECT_FALSE(is_raised({removed, added, removed}));
    EXPECT_FALSE(is_raised({removed, added, updated})) << "its owner defined it, too";
    EXPECT_FALSE(is_raised({updated, removed, added})) << "ours came first";
    EXPECT_FALSE(is_raised({updated, removed})) << "likewise";
    EXPECT_FALSE(is_raised({added, updated}));
}

TEST(IsRaised, WhoeverFloodsUsWithEventsKeepsTheDomain)
{
    std::vector<DefinitionEvent> many(64, removed);
    many.back() = added;
    EXPECT_FALSE(is_raised(many));
}

class DefinitionWatchTest : public testing::Test {
protected:
    DomainHandle define(const char* title = "")
    {
        const auto xml = "<domain type='test'><name>watched</name><uuid>" + uuid.str() +
                         "</uuid><title>" + title +
                         "</title><memory unit='KiB'>65536</memory><vcpu>1</vcpu><os><type>hvm"
                         "</type></os></domain>";
        return DomainHandle{virDomainDefineXML(connection.get(), xml.c_str())};
    }

    void TearDown() override
    {
        const DomainHandle left{virDomainLookupByName(connection.get(), "watched")};
        if (left) {
            virDomainUndefine(left.get());
        }
    }

    const DomainUuid uuid{"11111111-2222-3333-4444-666666666666"};
    VirtEventThread events;
    ConnectionHandle connection{virConnectOpen("test:///default")};
};

TEST_F(DefinitionWatchTest, TellsAChangeFromARaise)
{
    DefinitionWatch watch{connection.get()};
    watch.begin(uuid);
    const auto before = define();
    ASSERT_TRUE(before);
    EXPECT_EQ(*watch.has_raised(before.get()), true) << "it was not there";
    watch.begin(uuid);
    const auto changed = define("changed");
    EXPECT_EQ(*watch.has_raised(changed.get()), false);
    EXPECT_FALSE(watch.heard_others());

    watch.begin(uuid);
    virDomainUndefine(changed.get());
    const auto raised = define("raised");
    EXPECT_EQ(*watch.has_raised(raised.get()), true);

    watch.begin(uuid);
    virDomainUndefine(raised.get());
    const auto theirs = define("theirs");
    const auto ours = define("ours");
    EXPECT_EQ(*watch.has_raised(ours.get()), false);
    EXPECT_TRUE(watch.heard_others());
}

TEST(DefinitionWatch, HearsNothingWhereNobodyTellsAndDoesNotWait)
{
    ASSERT_EQ(virInitialize(), 0); // as whoever has a connection did
    DefinitionWatch watch{nullptr};
    watch.begin(DomainUuid{"11111111-2222-3333-4444-666666666666"});
    EXPECT_FALSE(*watch.has_raised(nullptr));
}

} // namespace
} // namespace virtpind
