// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/state/original_state_json.hpp"
#include "daemon/state/state_store.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace virtpind {
namespace {

namespace fs = std::filesystem;

const DomainUuid web1{"11111111-2222-3333-4444-555555555555"};

BeforeImage full_image()
{
    PinSet live;
    live.vcpus = {{VcpuId{0}, *CpuSet::parse("0-3,8")}, {VcpuId{7}, *CpuSet::parse("16383")}};
    live.emulator = *CpuSet::parse("0");
    live.iothreads = {{IothreadId{2}, *CpuSet::parse("1")}};
    live.vcpu_cpuset = *CpuSet::parse("0-7");
    live.numatune = NumaTune{.mode = NumaMode::preferred,
                             .nodes = *NodeSet::parse("0-1"),
                             .cells = {{1, *NodeSet::parse("1")}},
                             .source_xml = "<numatune>\n  <memory mode='preferred'/></numatune>"};
    return {.uuid = web1,
            .name = "web1 \"quoted\"",
            .id = 12,
            .boot_id = "b",
            .live = live,
            .config = PinSet{},
            .vcpus_max = 8,
            .parts = {{"vcpu", "<vcpu>8</vcpu>"}, {"cpu@mode", "custom"}},
            .written = {{{"cpu@mode", "host-passthrough"}}, {{"cpu@mode", ""}}}};
}

void expect_equal(const BeforeImage& a, const BeforeImage& b)
{
    EXPECT_EQ(a.uuid, b.uuid);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.boot_id, b.boot_id);
    EXPECT_EQ(a.live, b.live);
    EXPECT_EQ(a.config, b.config);
    EXPECT_EQ(a.vcpus_max, b.vcpus_max);
    EXPECT_EQ(a.parts, b.parts);
    EXPECT_EQ(a.written, b.written);
    ASSERT_EQ(a.live && a.live->numatune, b.live && b.live->numatune);
    if (a.live && a.live->numatune) {
        EXPECT_EQ(a.live->numatune->source_xml, b.live->numatune->source_xml);
    }
}

class StateStoreTest : public testing::Test {
protected:
    [[nodiscard]] fs::path file(const std::string& name) const { return dir_ / "domains" / name; }

    void write(const std::string& name, const std::string& text) const
    {
        folder_.write("domains/" + name, text);
    }

    const test::TemporaryFolder folder_;
    const fs::path dir_ = folder_.path();
};

TEST(BeforeImageJson, RoundTrips)
{
    const auto image = full_image();
    const auto read = parse_before_image(format_before_image(image), "f");
    ASSERT_TRUE(read) << read.error().message;
    expect_equal(*read, image);

    const BeforeImage bare{.uuid = web1, .name = "n"};
    const auto bare_read = parse_before_image(format_before_image(bare), "f");
    ASSERT_TRUE(bare_read);
    expect_equal(*bare_read, bare);
}

TEST(BeforeImageJson, RefusesWhatItDoesNotUnderstand)
{
    const auto good = format_before_image(full_image());
    const auto with = [&good](const std::string& from, const std::string& to) {
        auto text = good;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const auto& text :
         {std::string{}, std::string{"[]"}, std::string(100'000, '['),
          with("\"version\": 2", "\"version\": 1"), with("\"version\": 2", "\"version\": 3"),
          with("\"version\": 2", "\"version\": \"3\""), with("1111-2222", "1111/2222"),
          with("\"0-3,8\"", "\"0-3,x\""), with("\"16383\"", "3"), with("preferred", "prefered"),
          with("\"7\"", "\"seven\""), with("boot-id", "boot")}) {
        const auto read = parse_before_image(text, "some.json");
        ASSERT_FALSE(read) << text.substr(0, 200);
        EXPECT_EQ(read.error().message.find("some.json"), 0U) << read.error().message;
    }
}

TEST_F(StateStoreTest, SavesLoadsAndForgets)
{
    StateStore store{dir_};
    EXPECT_TRUE(store.load_all().images.empty());
    EXPECT_TRUE(store.load_all().problems.empty());
    auto image = full_image();
    ASSERT_TRUE(store.save(image));
    image.name = "renamed";
    ASSERT_TRUE(store.save(image));

    const auto loaded = store.load_all();
    EXPECT_TRUE(loaded.problems.empty());
    ASSERT_EQ(loaded.images.size(), 1U);
    expect_equal(loaded.images.at(web1), image);

    ASSERT_TRUE(store.forget({web1}));
    ASSERT_TRUE(store.forget({web1}));
    EXPECT_TRUE(store.load_all().images.empty());
    EXPECT_TRUE(fs::is_empty(dir_ / "domains"));
}

TEST_F(StateStoreTest, FilesAreForTheOwnerOnly)
{
    ASSERT_TRUE(StateStore{dir_}.save(full_image()));

    struct stat status {};

    ASSERT_EQ(::stat(file(web1.str() + ".json").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    ASSERT_EQ(::stat((dir_ / "domains").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(StateStoreTest, CorruptFilesAreSetAsideAndReported)
{
    StateStore store{dir_};
    ASSERT_TRUE(store.save(full_image()));
    const std::string other = "99999999-2222-3333-4444-555555555555";
    write(other + ".json", format_before_image(full_image())); // says another UUID than its name
    write("torn.json", "{\"version\": 1,");
    write(web1.str() + ".json.new", "{"); // a crash before the rename
    const auto loaded = store.load_all();
    EXPECT_EQ(loaded.images.size(), 1U);
    ASSERT_EQ(loaded.problems.size(), 2U);
    EXPECT_NE(loaded.problems[0].find("file name"), std::string::npos) << loaded.problems[0];
    EXPECT_NE(loaded.problems[1].find("torn.json.corrupt"), std::string::npos)
        << loaded.problems[1];
    EXPECT_TRUE(fs::exists(file("torn.json.corrupt")));
    EXPECT_FALSE(fs::exists(file(web1.str() + ".json.new")));
    EXPECT_TRUE(store.load_all().problems.empty());
}

// Root reads everything: a directory and links stand in for what permissions and disks refuse.
TEST_F(StateStoreTest, FilesThatCannotBeReadAreReportedAndLeftAlone)
{
    StateStore store{dir_};
    const auto name = web1.str() + ".json";
    fs::create_directories(file("unreadable.json"));
    std::ofstream{dir_ / "elsewhere"} << format_before_image(full_image());
    fs::create_symlink(dir_ / "elsewhere", file(name));
    for (int start = 0; start < 2; ++start) {
        const auto loaded = store.load_all();
        EXPECT_TRUE(loaded.images.empty()) << "a link is not followed";
        ASSERT_EQ(loaded.problems.size(), 2U);
        EXPECT_NE(loaded.problems[0].find(name), std::string::npos) << loaded.problems[0];
        EXPECT_NE(loaded.problems[0].find("leaving it alone"), std::string::npos)
            << loaded.problems[0];
        EXPECT_NE(loaded.problems[1].find("unreadable.json"), std::string::npos);
    }
    const auto saved = store.save(full_image());
    ASSERT_FALSE(saved) << "it may be the only record of how the domain was";
    EXPECT_EQ(saved.error().code, Errc::conflict);
    EXPECT_NE(saved.error().message.find("move it away"), std::string::npos);
    const auto forgotten = store.forget({web1});
    ASSERT_FALSE(forgotten);
    EXPECT_EQ(forgotten.error().code, Errc::conflict);
    EXPECT_TRUE(fs::is_symlink(file(name)));

    fs::remove(file(name)); // somebody mends it, and has yet to restart the service
    fs::rename(dir_ / "elsewhere", file(name));
    EXPECT_FALSE(store.save(full_image()));
    EXPECT_FALSE(store.forget({web1}));
    EXPECT_EQ(store.load_all().images.size(), 1U) << "it is there still";
    EXPECT_TRUE(store.forget({web1})) << "now it is known";
}

TEST_F(StateStoreTest, APipeDoesNotHoldUpTheStart)
{
    fs::create_directories(dir_ / "domains");
    ASSERT_EQ(::mkfifo(file("pipe.json").c_str(), 0600), 0);
    const auto loaded = StateStore{dir_}.load_all();
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_TRUE(fs::exists(file("pipe.json.corrupt")));
}

TEST_F(StateStoreTest, NothingThatIsThereIsWrittenThroughOrWaitedFor)
{
    fs::create_directories(dir_ / "domains");
    StateStore store{dir_};
    const auto temporary = file(web1.str() + ".json.new");
    std::ofstream{dir_ / "elsewhere"} << "theirs";
    fs::create_symlink(dir_ / "elsewhere", temporary);
    EXPECT_TRUE(store.save(full_image()));
    ASSERT_EQ(::mkfifo(temporary.c_str(), 0600), 0);
    EXPECT_TRUE(store.save(full_image())) << "and it has come back";
    EXPECT_EQ(fs::file_size(dir_ / "elsewhere"), 6U);
    EXPECT_EQ(store.load_all().images.size(), 1U);
}

TEST_F(StateStoreTest, DirectoryInPlaceOfItsOwnIsNotUsed)
{
    fs::create_directories(dir_ / "elsewhere");
    std::ofstream{dir_ / "elsewhere" / "a.json"} << "theirs";
    fs::create_symlink(dir_ / "elsewhere", dir_ / "domains");
    StateStore store{dir_};
    EXPECT_EQ(store.load_all().problems.size(), 1U);
    EXPECT_EQ(store.save(full_image()).error().code, Errc::not_persisted);
    EXPECT_EQ(store.forget({web1}).error().code, Errc::not_persisted);
    const fs::directory_iterator left{dir_ / "elsewhere"};
    EXPECT_EQ(std::distance(left, fs::directory_iterator{}), 1);
    EXPECT_TRUE(fs::exists(dir_ / "elsewhere" / "a.json"));
}

TEST_F(StateStoreTest, CorruptFilesThatAreKeptAreBounded)
{
    for (std::size_t i = 0; i < corrupt_files_max + 3; ++i) {
        write("f" + std::to_string(i) + ".json", "x");
    }
    EXPECT_EQ(StateStore{dir_}.load_all().problems.size(), corrupt_files_max + 3);
    const fs::directory_iterator left{dir_ / "domains"};
    EXPECT_EQ(static_cast<std::size_t>(std::distance(left, fs::directory_iterator{})),
              corrupt_files_max);
}

TEST_F(StateStoreTest, SavingThatFailsLeavesTheOldImage)
{
    StateStore store{dir_};
    ASSERT_TRUE(store.save(full_image()));
    fs::create_directory(file(web1.str() + ".json.new")); // where the new one would be written
    auto changed = full_image();
    changed.name = "changed";
    const auto saved = store.save(changed);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, Errc::not_persisted);
    EXPECT_EQ(store.load_all().images.at(web1).name, full_image().name);
}

TEST_F(StateStoreTest, SavingThatFailsLeavesNothingHalfWritten)
{
    StateStore store{dir_};
    fs::create_directories(file(web1.str() + ".json") / "in the way");
    EXPECT_FALSE(store.save(full_image()));
    EXPECT_FALSE(fs::exists(file(web1.str() + ".json.new")));
}

TEST_F(StateStoreTest, ImagesAreBoundedByThoseThatAreThere)
{
    StateStore store{dir_};
    for (std::size_t i = 0; i < before_images_max - 1; ++i) {
        write("f" + std::to_string(i) + ".json", "");
    }
    ASSERT_TRUE(store.save(full_image()));
    auto other = full_image();
    other.uuid = DomainUuid{"99999999-2222-3333-4444-555555555555"};
    EXPECT_EQ(store.save(other).error().code, Errc::limits_exceeded);
    EXPECT_TRUE(store.save(full_image())) << "it is there already";
    fs::remove(file("f7.json"));
    EXPECT_TRUE(store.save(other)) << "somebody made room";
}

TEST_F(StateStoreTest, BytesOfAnImageAreBoundedWhereItIsSavedAndWhereItIsRead)
{
    StateStore store{dir_};
    auto image = full_image();
    image.parts = {{"p", ""}};
    const auto around = format_before_image(image).size();
    image.parts = {{"p", std::string(before_image_bytes_max - around, 'x')}};
    ASSERT_EQ(format_before_image(image).size(), before_image_bytes_max);
    ASSERT_TRUE(store.save(image));
    expect_equal(store.load_all().images.at(web1), image);

    auto larger = image;
    larger.parts["p"] += 'x';
    const auto saved = store.save(larger);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, Errc::not_persisted) << "no other could make room for it";
    EXPECT_NE(saved.error().message.find("more than 1048576 bytes"), std::string::npos);
    expect_equal(store.load_all().images.at(web1), image);

    write(web1.str() + ".json", format_before_image(larger));
    const auto loaded = store.load_all();
    EXPECT_TRUE(loaded.images.empty());
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_NE(loaded.problems[0].find("more than 1048576 bytes"), std::string::npos);
}

TEST_F(StateStoreTest, OldestOfSomeIsForgotten)
{
    StateStore store{dir_};
    std::vector<DomainUuid> uuids;
    for (int number = 1; number <= 3; ++number) {
        auto image = full_image();
        image.uuid =
            DomainUuid{"0000000" + std::to_string(number) + "-2222-3333-4444-555555555555"};
        ASSERT_TRUE(store.save(image));
        uuids.push_back(image.uuid);
    }
    const auto written = [this](const DomainUuid& uuid, int hours_ago) {
        fs::last_write_time(file(uuid.str() + ".json"),
                            fs::file_time_type::clock::now() - std::chrono::hours{hours_ago});
    };
    written(uuids[0], 9); // not one of those that may go
    written(uuids[1], 1);
    written(uuids[2], 5);
    const DomainUuid missing{"99999999-2222-3333-4444-555555555555"};
    const auto gone = store.forget_oldest({uuids[1], uuids[2], missing});
    ASSERT_TRUE(gone);
    EXPECT_EQ(*gone, uuids[2]);
    EXPECT_EQ(store.load_all().images.size(), 2U);
    EXPECT_FALSE(store.load_all().images.contains(uuids[2]));
    EXPECT_EQ(store.forget_oldest({missing}).error().code, Errc::not_found);
    EXPECT_EQ(store.load_all().images.size(), 2U);

    const auto oldest = file(uuids[0].str() + ".json"); // which nobody can read
    fs::remove(oldest);
    fs::create_symlink("elsewhere", oldest);
    EXPECT_EQ(store.forget_oldest({uuids[0], uuids[1]}).value(), uuids[1]) << "the next one goes";
    EXPECT_TRUE(fs::is_symlink(oldest));
}

TEST_F(StateStoreTest, NoneIsForgottenWhereThatWouldNotMakeRoom)
{
    StateStore store{dir_};
    ASSERT_TRUE(store.save(full_image()));
    for (std::size_t i = 0; i < before_images_max; ++i) {
        write("f" + std::to_string(i) + ".json", "");
    }
    EXPECT_EQ(store.forget_oldest({web1}).error().code, Errc::limits_exceeded);
    fs::remove(file("f0.json"));
    EXPECT_TRUE(store.forget_oldest({web1}));
}

TEST_F(StateStoreTest, UuidCannotLeaveTheDirectory)
{
    auto image = full_image();
    image.uuid = DomainUuid{"../../../../../../tmp/x/../../../../../"};
    EXPECT_EQ(StateStore{dir_}.save(image).error().code, Errc::invalid_argument);
    EXPECT_EQ(StateStore{dir_}.forget({image.uuid}).error().code, Errc::invalid_argument);
}

} // namespace
} // namespace virtpind
