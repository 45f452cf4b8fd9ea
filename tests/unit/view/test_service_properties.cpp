// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients read of the interfaces: a property that is added must be read or named here.
#include "clients/view/service_properties.hpp"

#include <gtest/gtest.h>
#include <pugixml.hpp>

#include <cstdlib>
#include <set>

namespace virtpind::client {
namespace {

using Names = std::set<std::string>;

class RecordingReader {
public:
    explicit RecordingReader(Names& names) : names_{names} {}

    template <class Member>
    void read(const char* name, Member& /*member*/) const
    {
        EXPECT_TRUE(names_.insert(name).second) << name << " is read twice";
    }

private:
    Names& names_;
};

Names properties_of(const std::string& interface)
{
    const char* dir = std::getenv("VIRTPIND_DBUS_DIR");
    pugi::xml_document document;
    const auto path = std::string{dir != nullptr ? dir : "."} + "/" + interface + ".xml";
    EXPECT_TRUE(document.load_file(path.c_str())) << path;
    Names names;
    for (const auto& property : document.child("node").child("interface").children("property")) {
        names.insert(property.attribute("name").value());
    }
    return names;
}

TEST(ServiceProperties, OfAGuestAreRead)
{
    Names names;
    (void)guest_of(RecordingReader{names});
    EXPECT_EQ(names, properties_of("org.virtpind1.Domain"));
}

TEST(ServiceProperties, OfTheServiceAreRead)
{
    Names names{"Holds",
                "TopologyGeneration"}; // of the guests they say more; layouts have no number
    (void)service_of(RecordingReader{names});
    EXPECT_EQ(names, properties_of("org.virtpind1.Manager"));
}

TEST(ServiceProperties, AUuidIsInThePathOfAnObject)
{
    EXPECT_EQ(uuid_of_path("/org/virtpind1/domain/_6695eb01_f6a4_8304_79aa_97f2502e193f"),
              "6695eb01-f6a4-8304-79aa-97f2502e193f");
    for (const auto* other : {"", "/", "/org/virtpind1", "/org/virtpind1/domain/_6695eb01", "_"}) {
        EXPECT_EQ(uuid_of_path(other), "") << other;
    }
}

} // namespace
} // namespace virtpind::client
