// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's side and the helper's, over a real socket, on a played tree of control groups.
#include "daemon/isolation/isolation_client.hpp"
#include "tests/support/played_groups.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace virtpind {
namespace {

using namespace std::chrono_literals;
using test::played_scope;
using test::PlayedGroups;

const std::string web1 = played_scope(1, "web1");
const DomainUuid first{"00000000-0000-4000-8000-000000000001"};

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

// Takes one connection after the other, as systemd does for the helper.
class PlayedHelper {
public:
    PlayedHelper(const std::string& path, std::function<void(int)> serve)
        : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}, serve_{std::move(serve)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(&address.sun_path, path.data(), path.size());
        const auto* const any = reinterpret_cast<const sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_.get(), any, sizeof address), 0);
        EXPECT_EQ(::listen(socket_.get(), 4), 0);
        thread_ = std::jthread{[this] { accept_all(); }};
    }

    ~PlayedHelper() { ::shutdown(socket_.get(), SHUT_RDWR); }

private:
    void accept_all()
    {
        for (;;) {
            const loop::UniqueFd connection{::accept(socket_.get(), nullptr, nullptr)};
            if (!connection) {
                return;
            }
            serve_(connection.get());
        }
    }

    loop::UniqueFd socket_;
    std::function<void(int)> serve_;
    std::jthread thread_;
};

class IsolationClientTest : public testing::Test {
protected:
    IsolationClientTest() { groups_.add_guest(web1, {{"vcpu0", "2"}, {"vcpu1", "3"}}); }

    // As the helper does.
    void serve(int connection)
    {
        const auto line = receive_line(connection, 5s);
        const auto answer = answer_request(groups_.open(), line.value());
        EXPECT_TRUE(send_line(connection, format_isolation_answer(answer), 5s));
    }

    // Runs a loop until `call` has its answer; a loop that has ended is not run again.
    template <class Answer>
    Answer answer_to(const std::function<void(IsolationClient&, std::function<void(Answer)>)>& call)
    {
        auto loop = loop::EventLoop::create().value();
        IsolationClient client{loop,
                               {.cgroups = groups_.path(""),
                                .sys = groups_.path("sys"),
                                .units = groups_.path("units"),
                                .socket = groups_.path("socket")}};
        std::optional<Answer> got;
        call(client, [&](Answer answer) {
            got = std::move(answer);
            loop.stop(0);
        });
        EXPECT_FALSE(got) << "it blocked";
        EXPECT_EQ(loop.run(), 0);
        return got.value();
    }

    // What stops it; empty: nothing.
    [[nodiscard]] std::string end() const
    {
        const IsolationPlaces places{.cgroups = groups_.path(""),
                                     .sys = groups_.path("sys"),
                                     .units = groups_.path("units"),
                                     .socket = groups_.path("socket")};
        const auto ended =
            end_isolation(places, list_guest_scopes(places), {.id = 1, .name = "web1"});
        return ended ? "" : ended.error().message;
    }

    IsolationView look(const GuestRuns& runs)
    {
        return answer_to<IsolationView>([&](auto& client, auto done) { client.look(runs, done); });
    }

    std::string ask(const IsolationRequest& request)
    {
        const auto answers = answer_to<std::vector<IsolationAnswer>>(
            [&](auto& client, auto done) { client.ask({request}, done); });
        return format_isolation_answer(answers.at(0));
    }

    PlayedGroups groups_;
    const IsolationRequest both_{
        .scope = web1, .threads = {{"vcpu0", CpuSet{CpuId{2}}}, {"vcpu1", CpuSet{CpuId{3}}}}};
};

TEST_F(IsolationClientTest, AsksAndSeesWhatCameOfIt)
{
    const PlayedHelper helper{groups_.path("socket"), [this](int fd) { serve(fd); }};
    EXPECT_EQ(ask(both_), "isolated 2-3");
    const auto view = look({{first, {.id = 1, .name = "web1"}}});
    EXPECT_FALSE(view.lacks);
    EXPECT_EQ(view.scopes.at(first), web1);
    EXPECT_EQ(view.host.guests.at(web1).threads.at("vcpu0").partition, "isolated");
    EXPECT_EQ(ask({.scope = web1, .threads = {}}), "isolated");
    EXPECT_EQ(groups_.partition(web1, "vcpu0"), "member");
    EXPECT_TRUE(ask({.scope = web1, .threads = {{"vcpu0", CpuSet{CpuId{5}}}}})
                    .starts_with("refused outside-pins"));
}

TEST_F(IsolationClientTest, FindsTheGroupOfARunByIdAndName)
{
    groups_.add_guest(played_scope(12, R"(my\x2dguest)"), {});
    const auto view = look({{first, {.id = 12, .name = "my-guest"}}});
    EXPECT_EQ(view.scopes.count(first), 1U);
    EXPECT_TRUE(look({{first, {.id = 12, .name = "another"}}}).scopes.empty());
    EXPECT_TRUE(look({{first, {.id = 2, .name = "web1"}}}).scopes.empty());
    groups_.add_guest(played_scope(12, "myguest"), {}); // of another libvirt
    EXPECT_TRUE(look({{first, {.id = 12, .name = "my-guest"}}}).scopes.empty());
}

TEST_F(IsolationClientTest, TellsThatNobodyAnswers)
{
    EXPECT_TRUE(ask(both_).starts_with("refused no-helper : "));
    const PlayedHelper deaf{groups_.path("socket"), [](int) {}};
    EXPECT_TRUE(ask(both_).starts_with("refused no-helper"));
}

TEST_F(IsolationClientTest, TakesNothingElseForAnAnswer)
{
    const PlayedHelper helper{groups_.path("socket"), [](int fd) {
                                  (void)receive_line(fd, 5s);
                                  (void)send_line(fd, "done", 5s);
                              }};
    EXPECT_TRUE(ask(both_).starts_with("refused no-helper"));
}

TEST_F(IsolationClientTest, EndsWhatARunHasToItself)
{
    EXPECT_EQ(end(), ""); // nothing, and nobody is there to be asked
    {
        const PlayedHelper helper{groups_.path("socket"), [this](int fd) { serve(fd); }};
        EXPECT_EQ(ask(both_), "isolated 2-3");
        EXPECT_EQ(end(), "");
        EXPECT_EQ(groups_.partition(web1, "vcpu0"), "member");
        EXPECT_EQ(ask(both_), "isolated 2-3");
    }
    EXPECT_PRED2(has, end(), "(refused no-helper");
    EXPECT_PRED2(has, end(), "systemctl enable --now virtpind-isolate.socket");
}

TEST_F(IsolationClientTest, DoesNotTakeWhatItCannotReadForNothing)
{
    const auto scope = "machine.slice/" + web1;
    for (const std::string file :
         {"/libvirt/vcpu1/cpuset.cpus.partition", "/libvirt/vcpu0/cpuset.cpus.exclusive",
          "/cpuset.cpus.exclusive"}) {
        const auto whole = scope + file;
        const auto before = groups_.text(whole);
        groups_.remove(whole);
        std::filesystem::create_directory(groups_.path(whole)); // even root reads no text of it
        EXPECT_PRED2(has, end(), "'" + groups_.path(whole).native() + "'");
        EXPECT_PRED2(has, end(), "run this command again");
        groups_.remove(whole);
        groups_.write(whole, before);
    }
    groups_.write(scope + "/libvirt/vcpu0/cpuset.cpus.exclusive", "many");
    EXPECT_PRED2(has, end(), "vcpu0/cpuset.cpus.exclusive' has 'many', which are no CPUs");
    groups_.remove(scope + "/libvirt/vcpu0/cpuset.cpus.exclusive"); // an old kernel
    EXPECT_EQ(end(), "");
}

TEST_F(IsolationClientTest, EndsWhatOneHasWhateverTheFilesOfOthersHold)
{
    groups_.add_guest(played_scope(2, "db1"), {{"vcpu0", "many"}});
    groups_.write("machine.slice/machine-box.scope/cpuset.cpus", "none");
    EXPECT_EQ(end(), "");
    groups_.write("machine.slice/" + web1 + "/libvirt/vcpu0/cpuset.cpus.partition", "isolated");
    EXPECT_PRED2(has, end(), "(refused no-helper");
    groups_.remove("machine.slice"); // or there is nothing at all
    EXPECT_EQ(end(), "");
    groups_.write("machine.slice", "no directory");
    EXPECT_PRED2(has, end(), "/machine.slice'");
}

// As the removal of the package leaves it: it clears the threads, without the helper.
TEST_F(IsolationClientTest, MindsNothingThatIsOnTheGroupsAboveTheThreadsAlone)
{
    groups_.write("machine.slice/" + web1 + "/cpuset.cpus.exclusive", "2-3");
    groups_.write("machine.slice/" + web1 + "/libvirt/cpuset.cpus.exclusive", "2-3");
    EXPECT_EQ(end(), "");
    groups_.write("machine.slice/" + web1 + "/libvirt/vcpu1/cpuset.cpus.exclusive", "3");
    EXPECT_PRED2(has, end(), "(refused no-helper");
    groups_.write("machine.slice/" + web1 + "/libvirt/vcpu1/cpuset.cpus.exclusive", "");
    groups_.write("machine.slice/" + web1 + "/libvirt/vcpu0/cpuset.cpus.partition",
                  "isolated invalid (No cpu available due to hotplug)");
    EXPECT_NE(end(), "");
}

TEST_F(IsolationClientTest, NamesWhatTheHostLacks)
{
    groups_.remove("machine.slice/cpuset.cpus.exclusive");
    EXPECT_EQ(look({}).lacks.value().refused, IsolationRefusal::no_kernel);
    groups_.remove("machine.slice/cpuset.cpus");
    EXPECT_EQ(look({}).lacks.value().refused, IsolationRefusal::no_cpuset);
    groups_.remove("cgroup.controllers");
    EXPECT_EQ(look({}).lacks.value().refused, IsolationRefusal::no_kernel);
}

} // namespace
} // namespace virtpind
