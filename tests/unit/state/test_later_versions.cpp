// SPDX-License-Identifier: LGPL-2.1-or-later
// Before-images of a later version, as after a downgrade: what they say is nothing for this one,
// and all of it is for the next upgrade.
#include "daemon/state/original_state_json.hpp"
#include "daemon/state/state_store.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>

namespace virtpind {
namespace {

// More than are kept of corrupt files.
constexpr std::size_t number_of_images = corrupt_files_max + 36;

BeforeImage image(std::size_t i)
{
    return {.uuid = DomainUuid{std::to_string(10'000'000 + i) + "-2222-3333-4444-555555555555"},
            .name = "web",
            .boot_id = "b",
            .config = PinSet{}};
}

// Other keys, other types, and deeper than this version nests.
std::string as_of_version_3(std::string text)
{
    const auto replace = [&text](const std::string& from, const std::string& to) {
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
    };
    replace("\"version\": 2", "\"version\": 3, \"new\": [[[[[[[[[[1]]]]]]]]]]");
    replace("\"boot-id\": \"b\"", "\"boot-id\": 7");
    return text;
}

class LaterVersions : public testing::Test {
protected:
    void write_all(const std::function<std::string(std::string)>& as) const
    {
        for (std::size_t i = 0; i < number_of_images; ++i) {
            folder_.write("domains/" + image(i).uuid.str() + ".json",
                          as(format_before_image(image(i))));
        }
    }

    [[nodiscard]] std::size_t count_files() const
    {
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::directory_iterator{folder_.path() / "domains"}) {
            if (entry.path().extension() == ".json") {
                ++files;
            }
        }
        return files;
    }

    const test::TemporaryFolder folder_;
    StateStore store_{folder_.path()};
};

bool tells(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

TEST_F(LaterVersions, AreLeftAloneHoweverMany)
{
    write_all(as_of_version_3);
    const auto loaded = store_.load_all();
    EXPECT_TRUE(loaded.images.empty());
    ASSERT_EQ(loaded.problems.size(), number_of_images);
    EXPECT_EQ(loaded.kept.size(), number_of_images);
    for (const auto* part : {"10000000-2222-3333-4444-555555555555.json", "version 3", "reads 2",
                             "leaving it alone", "install that virtpind again"}) {
        EXPECT_TRUE(tells(loaded.problems[0], part)) << loaded.problems[0];
    }
    EXPECT_EQ(count_files(), number_of_images) << "neither renamed nor removed";
    write_all([](std::string text) { return text; }); // as the version that reads them sees them
    EXPECT_EQ(store_.load_all().images.size(), number_of_images);
}

TEST_F(LaterVersions, AreNeitherReplacedNorRemoved)
{
    write_all(as_of_version_3);
    EXPECT_EQ(store_.load_all().images.size(), 0U);
    const auto uuid = image(7).uuid;
    for (const auto& refused : {store_.save(image(7)), store_.forget({uuid})}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::conflict);
        for (const auto& part : {uuid.str() + ".json", std::string{"install that virtpind again"},
                                 std::string{"move the file away"}}) {
            EXPECT_TRUE(tells(refused.error().message, part)) << refused.error().message;
        }
    }
    EXPECT_FALSE(store_.forget_oldest({uuid}));
    EXPECT_EQ(count_files(), number_of_images);
}

TEST(LaterVersion, IsANumberThatIsHigher)
{
    const auto good = format_before_image(image(1));
    for (const auto& [version, code] :
         {std::pair{"3", Errc::unsupported}, std::pair{"9000000000000000000", Errc::unsupported},
          std::pair{"1", Errc::invalid_config}, std::pair{"-3", Errc::invalid_config},
          std::pair{"3.5", Errc::invalid_config}, std::pair{"\"3\"", Errc::invalid_config}}) {
        auto text = good;
        const std::string is = "\"version\": 2";
        text.replace(text.find(is), is.size(), std::string{"\"version\": "} + version);
        const auto read = parse_before_image(text, "some.json");
        ASSERT_FALSE(read) << version;
        EXPECT_EQ(read.error().code, code) << read.error().message;
    }
}

} // namespace
} // namespace virtpind
