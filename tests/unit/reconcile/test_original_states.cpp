// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of the images of domains that come and go.
#include "daemon/reconcile/original_states.hpp"
#include "tests/support/fake_host.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

// Taken from its metadata, it is nowhere else: that may be gone when the domain comes back.
TEST(BeforeImages, OneThatIsNotSavedYetIsKeptWhileItsDomainIsOutOfReach)
{
    FakeHost host;
    BeforeImages images{host, "boot", {}, "/state"};
    const auto uuid = FakeHost::uuid(1);
    DomainRecord record;
    record.seen = host.add(1, "web", 1, std::nullopt);
    record.before = BeforeImage{.uuid = uuid, .name = "web", .config = PinSet{}};
    record.unsaved = true;
    images.detach(record);
    EXPECT_FALSE(record.before.has_value());

    Records records;
    auto& again = records[uuid];
    again.seen = host.domains.at(uuid);
    images.attach(again, uuid);
    ASSERT_TRUE(again.before.has_value());
    EXPECT_TRUE(again.unsaved) << "it is not on disk";
    auto saved = false;
    std::vector<DomainActions> actions(1);
    actions.front().uuid = uuid;
    images.save(
        records, std::move(actions), [](const auto&, const auto&) {},
        [&saved](const auto&) { saved = true; });
    host.answer_all();
    EXPECT_TRUE(saved);
    EXPECT_TRUE(host.images.contains(uuid));
}

} // namespace
} // namespace virtpind::test
